#!/bin/sh
# Writes the memo in a Debian that holds nothing but Python: no library, font or program of the system is needed for
# page, PDF, Word or Excel. As root: scripts/bare_debian.sh FOLDER MIRROR [REPORTS_JSON]
# FOLDER: a place for the system. MIRROR: address of a Debian mirror. REPORTS_JSON: input/reports.json of a memo;
# without it all notebooks are run.  pip uses the index that it is configured with here.
set -eu
root=$1 mirror=$2 reports=${3:-}
home=$(cd "$(dirname "$0")/.." && pwd)

[ -x "$root/bin/sh" ] || debootstrap --variant=minbase bookworm "$root" "$mirror"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/src" "$root/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
git -C "$home" archive HEAD | tar -x -C "$root/src"
python3 -m pip config list | sed -n "s/^global\.//p" >"$root/src/pip.txt"
{ echo '[global]'; tr -d "'" <"$root/src/pip.txt" | grep -v '^constraint='; } >"$root/etc/pip.conf"
chroot "$root" apt-get install -yq --no-install-recommends python3 python3-venv

# pip and the kernel need these two; they are taken away again whatever happens.
trap 'umount "$root/proc" "$root/dev"' EXIT
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
certificates=/etc/ssl/certs/ca-certificates.crt
inside() {
    chroot "$root" env -i PATH=/venv/bin:/usr/bin:/bin HOME=/root LANG=C.UTF-8 POVSTUDY_HOME=/src \
        PIP_CERT=$certificates SSL_CERT_FILE=$certificates "$@"
}
chroot "$root" python3 -m venv /venv
inside pip install -q --upgrade pip  # the one of bookworm does not hand its certificates to the build of a package
inside pip install -q -c /src/constraints.txt /src
if [ -n "$reports" ]; then
    cp "$reports" "$root/src/reports.json"
    area=$(sed -n 's/^ "area": "\(.*\)",$/\1/p' "$reports") lang=$(sed -n 's/^ "lang": "\(.*\)",$/\1/p' "$reports")
    inside povstudy run 07_policy_memo -p area="$area" -p lang="$lang" -p reports=/src/reports.json -o /out
else
    inside povstudy report -o /out
fi
echo "packages of the system that draw or set text:"
chroot "$root" dpkg -l | awk '/^ii/ {print $2}' | grep -E 'pango|cairo|font|tex|office|chromium|libgl' || echo "none"
ls "$root"/out/07_policy_memo-*/
