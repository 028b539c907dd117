#!/bin/bash
# Inside the namespaces of enter.sh: makes a root folder whose changes are thrown away, then runs the case in it.
#   inside.sh FOLDER CASE-FOLDER
set -eu
folder=$1 case=$2
scratch=$folder/scratch
mount -t tmpfs tmpfs "$scratch"
cp -a "$folder/layer" "$scratch/layer"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
root=$scratch/root
mount -t overlay overlay -o "lowerdir=$scratch/layer:/,upperdir=$scratch/upper,workdir=$scratch/work" "$root"

# No disk, no host's process, no credential, no network: only what a shell needs.
mount -t proc proc "$root/proc"
mount --bind -o ro /proc/sys "$root/proc/sys"
mount -t tmpfs tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount --rbind /dev/pts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
for hidden in root tmp run var/tmp; do
    mount -t tmpfs tmpfs "$root/$hidden"
done
[ ! -d "$root/work" ] || mount -t tmpfs tmpfs "$root/work"
chmod 1777 "$root/tmp" "$root/var/tmp" "$root/dev/shm"
mkdir -p "$root/tmp/case"
mount --bind "$case" "$root/tmp/case"
mount --bind "$case/home" "$root/home/me"
if [ -L "$case/sockets" ]; then
    mkdir -p "$root/pg" "$root/run/postgresql"
    mount --bind -o ro "$case/sockets/" "$root/pg"
    ln -s /pg/.s.PGSQL.5432 "$root/run/postgresql/.s.PGSQL.5432"
fi

# Root in here may change files and owners and end processes of the case, nothing else.
exec chroot "$root" setpriv --bounding-set=-all,+chown,+dac_override,+fowner,+kill,+setuid,+setgid --no-new-privs \
    /bin/bash /stubs/run.sh
