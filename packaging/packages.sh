# The Debian packages holdfast needs, and how to install them. Sourced by quickstart.sh and
# tests/run.sh: the one place where they are listed.

build_packages=(
  g++ cmake ninja-build pkg-config
  libasio-dev libcurl4-gnutls-dev zlib1g-dev libdeflate-dev libisal-dev libtoml11-dev libspdlog-dev
  libfmt-dev libexpected-dev nlohmann-json3-dev libcli11-dev libmicrohttpd-dev libgnutls28-dev
  libre2-dev
)
test_packages=(
  libgtest-dev libgmock-dev influxdb victoria-metrics nginx-light openssl clang-format
  curl influxdb-client python3-minimal python3-influxdb python3-statsd logrotate bsdutils rsyslog socat
)
tidy_packages=(clang-tidy)
# What tests/bench has besides those of the tests: microbenchmarks, profiles, agents to compare with.
bench_packages=(libbenchmark-dev linux-perf collectd-core libyajl2)
fuzz_packages=(clang libclang-rt-14-dev)

# install_packages <package>...: installs what is missing, and nothing if nothing is.
install_packages() {
  local package missing=()
  for package in "$@"; do
    # libcurl has three -dev packages that exclude each other: any of them will do.
    if [[ $package == libcurl4-gnutls-dev ]] && pkg-config --exists libcurl 2>/dev/null; then
      continue
    fi
    if [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) != "install ok installed" ]]; then
      missing+=("$package")
    fi
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "these packages are missing; install them as root: apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing from Debian: ${missing[*]}" >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  # Services that came with them are not wanted: tests and quickstart start servers of their own.
  local service
  for service in influxdb victoria-metrics nginx rsyslog collectd; do
    if [[ " ${missing[*]} " == *" $service"[\ -]* && -d /run/systemd/system ]]; then
      "${as_root[@]}" systemctl disable --now --quiet "$service.service" || true
    fi
  done
}
