// The names of Telegraf's plugins, as of its 1.39, and of some that it had before.
#include "config/telegraf_plugins.h"

namespace holdfast::config {
namespace {

// Each name has a space on both sides.
constexpr std::string_view kInputs =
    " "
    "activemq aerospike aliyuncms amd_rocm_smi amqp_consumer apache apcupsd arista_lanz "
    "aurora azure_monitor azure_storage_queue bcache beanstalkd beat bind bond burrow "
    "cassandra ceph cgroup chrony cisco_telemetry_gnmi cisco_telemetry_mdt clickhouse "
    "cloud_pubsub cloud_pubsub_push cloudwatch cloudwatch_metric_streams conntrack consul "
    "consul_agent couchbase couchdb cpu csgo ctrlx_datalayer dcos directory_monitor disk "
    "diskio disque dmcache dns_query docker docker_log dovecot dpdk ecs elasticsearch "
    "elasticsearch_query ethtool eventhub_consumer exec execd fail2ban fibaro file filecount "
    "filestat fireboard firehose fluentd fritzbox github gnmi google_cloud_storage graylog "
    "haproxy hddtemp http http_listener http_listener_v2 http_response httpjson huebridge "
    "hugepages icinga2 infiniband influxdb influxdb_listener influxdb_v2_listener "
    "intel_baseband intel_dlb intel_pmt intel_pmu intel_powerstat intel_rdt internal "
    "internet_speed interrupts io ipmi_sensor ipset iptables ipvs jenkins jolokia jolokia2 "
    "jolokia2_agent jolokia2_proxy jti_openconfig_telemetry kafka_consumer "
    "kafka_consumer_legacy kapacitor kernel kernel_vmstat kibana kinesis_consumer "
    "knx_listener kube_inventory kubernetes lanz ldap leofs libvirt linux_cpu linux_sysctl_fs "
    "logparser logstash lustre2 lvm mailchimp marklogic mavlink mcrouter mdstat mem memcached "
    "mesos minecraft mock modbus mongodb monit mqtt_consumer multifile mysql nats "
    "nats_consumer neoom_beaam neptune_apex net net_response netflow netstat nfsclient "
    "nftables nginx nginx_plus nginx_plus_api nginx_sts nginx_upstream_check nginx_vts nomad "
    "nsd nsdp nsq nsq_consumer nstat ntpq nvidia_smi opcua opcua_listener openldap openntpd "
    "opensearch_query opensmtpd openstack opentelemetry openweathermap p4runtime passenger pf "
    "pgbouncer phpfpm ping postfix postgresql postgresql_extensible powerdns "
    "powerdns_recursor processes procstat prometheus promql proxmox puppetagent rabbitmq "
    "radius raindrops ras ravendb redfish redis redis_sentinel rethinkdb riak "
    "riemann_listener s7comm salesforce sensors sflow sip slab slurm smart smartctl snmp "
    "snmp_legacy snmp_trap socket_listener socketstat solr sql sqlserver stackdriver statsd "
    "supervisor suricata swap synproxy syslog sysstat system systemd_timings systemd_units "
    "tacacs tail tcp_listener teamspeak temp tengine timex tomcat trig turbostat twemproxy "
    "udp_listener unbound upsd uwsgi varnish vault vsphere webhooks whois win_eventlog "
    "win_perf_counters win_services win_wmi wireguard wireless x509_cert xtremio zfs zipkin "
    "zookeeper ";

constexpr std::string_view kOutputs =
    " "
    "amon amqp application_insights arc azure_data_explorer azure_monitor bigquery clarify "
    "cloud_pubsub cloudwatch cloudwatch_logs cratedb datadog discard dynatrace elasticsearch "
    "event_hubs exec execd file graphite graylog groundwork health heartbeat http influxdb "
    "influxdb_v2 inlong instrumental iotdb kafka kinesis librato logzio loki microsoft_fabric "
    "mongodb mqtt nats nebius_cloud_monitoring newrelic nsq opensearch opentelemetry opentsdb "
    "parquet postgresql prometheus_client quix redistimeseries remotefile riemann "
    "riemann_legacy sensu signalfx socket_writer sql stackdriver stomp sumologic syslog "
    "timestream udp warp10 wavefront websocket yandex_cloud_monitoring zabbix ";

}  // namespace

bool is_telegraf_plugin(std::string_view category, std::string_view name) {
  if (name.empty() || name.find(' ') != name.npos) return false;
  std::string_view names;
  if (category == "inputs") names = kInputs;
  if (category == "outputs") names = kOutputs;
  for (std::size_t at = names.find(name); at != names.npos; at = names.find(name, at + 1)) {
    if (names[at - 1] == ' ' && names[at + name.size()] == ' ') return true;
  }
  return false;
}

std::string_view current_plugin_name(std::string_view category, std::string_view name) {
  if (category == "inputs" && name == "http_listener") return "influxdb_listener";
  return name;
}

}  // namespace holdfast::config
