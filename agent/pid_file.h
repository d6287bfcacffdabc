// PidFile: a file with this process's number, there as long as the object.
#pragma once

#include <string>

#include "agent/base/log.h"

namespace holdfast::agent {

class PidFile {
 public:
  // Mode 0640; an empty path makes none. One that cannot be written is logged, no more.
  PidFile(std::string path, const base::Logger& log);
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  // Before an end without destructors.
  void remove() const;

 private:
  std::string path_;  // empty: none
};

}  // namespace holdfast::agent
