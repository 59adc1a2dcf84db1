# An AppArmor profile for Debian's and Ubuntu's apache2 with mod_go: docs/hardening.md. Copy it to /etc/apparmor.d/, adapt
# what is marked with CHANGE, try it with aa-complain, then aa-enforce.
abi <abi/3.0>,
include <tunables/global>

# attach_disconnected: the file in memory that a crash is written to has no place in the file system.
profile apache2 /usr/{,s}bin/apache2 flags=(attach_disconnected) {
  include <abstractions/base>
  include <abstractions/nameservice>
  include <abstractions/openssl>
  include <abstractions/ssl_certs>
  include <abstractions/ssl_keys>

  # ---- httpd's own ----
  capability kill,
  capability net_bind_service,
  capability setgid,
  capability setuid,

  network inet stream,
  network inet6 stream,

  # Parent and children signal each other; root sends apachectl's.
  signal (send, receive) peer=@{profile_name},
  signal (receive) peer=unconfined,

  /usr/{,s}bin/apache2 mr,
  /usr/lib/apache2/modules/*.so mr,
  /usr/share/apache2/** r,
  /etc/apache2/{,**} r,
  /etc/mime.types r,
  /var/log/apache2/*.log w,
  @{run}/apache2/ rw,
  @{run}/apache2/** rwk,
  @{run}/lock/apache2/** rwk,
  /var/cache/apache2/** rwk,

  # ---- mod_go: mod_go.so is among the modules above ----

  # The Go runtime: the size of pages, processors, limits of control groups. The bounds of stacks and the memory of a child
  # (maps, status) are in abstractions/base. The files are root's, as the children were.
  @{sys}/kernel/mm/transparent_hugepage/hpage_pmd_size r,
  @{sys}/devices/system/cpu/online r,
  @{sys}/fs/cgroup/** r,
  @{PROC}/@{pid}/cgroup r,
  @{PROC}/@{pid}/mountinfo r,
  @{PROC}/@{pid}/status r,
  @{PROC}/sys/net/core/somaxconn r,
  # What a dying child's Go runtime says, which the parent reads.
  @{PROC}/@{pid}/fd/* r,
  /memfd:mod_go-crash* rw,
  # Sockets without a file, between children of one server; abstractions/base has the rest.
  unix (bind, listen) type=stream,

  # ---- CHANGE: what the sites need ----

  # Their pages, and what Alias and GoSendFileRoot name.
  /var/www/{,**} r,
  # Large parts of multipart forms.
  owner /tmp/multipart-* rw,
  owner /var/tmp/multipart-* rw,
  # What applications write:
  # /var/lib/shop/{,**} rwk,
  # What they connect to besides TCP, for example PostgreSQL:
  # @{run}/postgresql/.s.PGSQL.5432 rw,

  # A graceful restart with a new mod_go.so needs no other rule: it is mapped anew from the same path.
  include if exists <local/apache2>
}
