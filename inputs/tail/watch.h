// Watch: the kernel's word that a file has grown, or that a folder has a new name (inotify).
#pragma once

#include <memory>
#include <set>
#include <string>

#include "agent/base/descriptor.h"
#include "agent/base/result.h"

namespace holdfast::tail {

class Watch {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Watch>> open();

  // Of an open file, whatever its name; the number that events will have, or why not. Any thread.
  [[nodiscard]] base::Result<int> add_file(int descriptor);
  // New names in a folder. Twice the same is once. Any thread.
  [[nodiscard]] base::Status add_folder(const std::string& path);
  void remove(int number);

  struct Events {
    std::set<int> files;  // numbers of those that were written to
    bool names = false;   // there are new ones
    bool missed = false;  // there were too many: anything may have happened
  };
  // What has happened since; does not wait. One thread.
  [[nodiscard]] Events read();
  // Readable when there are events.
  [[nodiscard]] int descriptor() const { return inotify_.get(); }

 private:
  explicit Watch(base::Descriptor inotify);

  base::Descriptor inotify_;
};

}  // namespace holdfast::tail
