// Lines as the host inputs make them, what is most often repeated last: near the end of a window a
// reference costs fewer bits.
#include "buffer/dictionary.h"

namespace holdfast::buffer {

std::string_view dictionary() {
  // Part of the on-disk format: never to be changed, only to be followed by another one.
  return R"(system,host= load1=0,load15=0,load5=0,n_cpus=0i,n_physical_cpus=0i,uptime=0i,uptime_format="1 day,  0:00" 1800000000000000000
kernel,host= boot_time=0i,context_switches=0i,entropy_avail=0i,interrupts=0i,processes_forked=0i 1800000000000000000
processes,host= blocked=0i,dead=0i,idle=0i,paging=0i,running=0i,sleeping=0i,stopped=0i,total=0i,total_threads=0i,unknown=0i,zombies=0i 1800000000000000000
swap,host= free=0i,in=0i,out=0i,total=0i,used=0i,used_percent=0 1800000000000000000
net,host=,interface=eth0 bytes_recv=0i,bytes_sent=0i,drop_in=0i,drop_out=0i,err_in=0i,err_out=0i,packets_recv=0i,packets_sent=0i,speed=0i 1800000000000000000
diskio,host=,name=sda io_time=0i,io_util=0,iops_in_progress=0i,merged_reads=0i,merged_writes=0i,read_bytes=0i,read_time=0i,reads=0i,weighted_io_time=0i,write_bytes=0i,write_time=0i,writes=0i 1800000000000000000
mem,host= active=0i,available=0i,available_percent=0,buffered=0i,cached=0i,commit_limit=0i,committed_as=0i,dirty=0i,free=0i,high_free=0i,high_total=0i,huge_page_size=0i,huge_pages_free=0i,huge_pages_total=0i,inactive=0i,low_free=0i,low_total=0i,mapped=0i,page_tables=0i,shared=0i,slab=0i,sreclaimable=0i,sunreclaim=0i,swap_cached=0i,swap_free=0i,swap_total=0i,total=0i,used=0i,used_percent=0,vmalloc_chunk=0i,vmalloc_total=0i,vmalloc_used=0i,write_back=0i,write_back_tmp=0i 1800000000000000000
disk,device=sda,fstype=ext4,host=,mode=rw,path=/ free=0i,inodes_free=0i,inodes_total=0i,inodes_used=0i,inodes_used_percent=0,total=0i,used=0i,used_percent=0 1800000000000000000
cpu,cpu=cpu-total,host= usage_guest=0,usage_guest_nice=0,usage_idle=0,usage_iowait=0,usage_irq=0,usage_nice=0,usage_softirq=0,usage_steal=0,usage_system=0,usage_user=0 1800000000000000000
)";
}

}  // namespace holdfast::buffer
