#!/usr/bin/env bash
# Install what the tests run on a Debian or Ubuntu machine: Dovecot, Postfix, PostgreSQL, mbsync, and venv for Python.
# Installs only what is missing, asks nothing, and starts no daemon: the tests run private copies of each server.
# Needs root, or sudo. PYTHON names the interpreter whose venv package is wanted (default python3).
set -euo pipefail

packages=(
  dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd  # the mail store: IMAP, POP3, LMTP
  postfix                                                 # the submission server
  postgresql                                              # the second database
  isync                                                   # mbsync, an IMAP client beside ours
  ca-certificates git                                     # pip over TLS; the tests read the commit
)

if ! command -v apt-get >/dev/null; then
  echo "install-servers: this machine has no apt-get (it is not Debian or Ubuntu); install by hand: ${packages[*]}" >&2
  exit 1
fi

# A venv needs Debian's python3-venv only where the interpreter is Debian's own.
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  packages+=(python3 python3-venv)
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  packages+=(python3.11 python3.11-venv)  # Ubuntu 22.04, where python3 is 3.10
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  packages+=("$("$python" -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")')")
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "install-servers: everything is there"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-servers: be root or have sudo to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi

echo "install-servers: installing ${missing[*]}"
# While we install, policy-rc.d forbids every daemon to start; a policy of the machine's own is put back afterwards.
policy=/usr/sbin/policy-rc.d
saved=$policy.before-postroom-tests
restore() {
  if "${as_root[@]}" test -e "$saved"; then
    "${as_root[@]}" mv -f "$saved" "$policy"
  else
    "${as_root[@]}" rm -f "$policy"
  fi
}
ours="# put here by Postroom's tests/install-servers.sh while it ran"
if [ -e "$policy" ] && ! grep -qxF "$ours" "$policy"; then "${as_root[@]}" cp -p "$policy" "$saved"; fi
trap restore EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\n%s\nexit 101\n' "$ours" | "${as_root[@]}" tee "$policy" >/dev/null
"${as_root[@]}" chmod 755 "$policy"

quietly=(env DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true)
preseed='postfix postfix/main_mailer_type select No configuration'
"${as_root[@]}" apt-get update -q
if command -v debconf-set-selections >/dev/null; then
  echo "$preseed" | "${as_root[@]}" "${quietly[@]}" debconf-set-selections
fi
"${as_root[@]}" "${quietly[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
