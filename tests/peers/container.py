"""Builds the image of packaging/container/Containerfile with buildah and runs it as a container would.

Needs root, buildah, debootstrap, a Debian mirror and the tarball of `make package` in dist/, so it is not part of
`make check`: run it before a release. The base is a root that debootstrap makes, in place of the image
that the Containerfile names. `NINES_BASE` names a tar file of such a root that exists already.

The service is process 1 of its own process and mount namespaces. Its root is read-only, /etc/nines is read-only,
/var/lib/nines and a tmpfs at /tmp can be written, and it runs as the user of the image without a capability.
Checks that
* `nines init` in the image writes a configuration that works,
* the service sends the notices of a downtime and its end,
* commands of the image that need temporary files work there,
* its data has the modes 0700 and 0600,
* SIGTERM ends it in order.
"""

import json
import os
import pathlib
import signal
import stat
import subprocess

from harness import (ROOT, Workspace, become, calm_zone, check, fetch, free_port, mails, need, running,
                     say, until)

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Arguments: root of the image, configuration, its mode, data, user, group, working directory, command.
ENTER = """set -e
root=$1 config=$2 mode=$3 data=$4 user=$5 group=$6 folder=$7
shift 7
mount --bind "$root" "$root"
mount --bind "$config" "$root"/etc/nines
mount -o remount,bind,nosuid,nodev,"$mode" "$root"/etc/nines
mount --bind "$data" "$root"/var/lib/nines
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root"/tmp
mount -t proc proc "$root"/proc
mount -t tmpfs -o nosuid,mode=755 tmpfs "$root"/dev
for device in null zero random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -o remount,ro "$root"/dev
mount -o remount,bind,ro "$root"
limits=''
[ "$user" = 0 ] || limits='--inh-caps=-all --bounding-set=-all --no-new-privs'
exec env -i PATH="$PATH" chroot "$root" setpriv --reuid "$user" --regid "$group" --clear-groups $limits \\
  sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""


def run(*words, seconds=900, status=(0,)):
    """Run a command and return its output; fail on another exit status."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=seconds)
    check(done.returncode in status, f"`{' '.join(map(str, words[:4]))} …` exited with {done.returncode}: "
                                f"{done.stdout[-800:]}{done.stderr[-1600:]}")
    return done.stdout.strip()


class Image:
    """The image and its root, mounted."""

    def __init__(self, workspace):
        self.workspace = workspace
        folder = workspace.folder
        self.buildah = [need("buildah", "buildah"), "--root", folder / "store", "--runroot", folder / "state",
                        "--storage-driver", os.environ.get("STORAGE_DRIVER", "overlay")]
        base = os.environ.get("NINES_BASE")
        if not base:
            base = folder / "base"
            run(need("debootstrap", "debootstrap"), "--variant=minbase", "bookworm", base)
            say("a Debian root")
        run(*self.buildah, "from", "--name", "base", "scratch")
        run(*self.buildah, "add", "base", base, "/")
        run(*self.buildah, "commit", "--rm", "base", "localhost/base")
        run(*self.buildah, "build", "--isolation", "chroot", "--pull-never", "--from", "localhost/base",
            "--tag", "localhost/nines", "--file", ROOT / "packaging/container/Containerfile", ROOT / "dist")
        self.config = json.loads(run(*self.buildah, "inspect", "--type", "image", "localhost/nines"))["OCIv1"]["config"]
        container = run(*self.buildah, "from", "localhost/nines")
        self.root = pathlib.Path(run(*self.buildah, "mount", container))
        users = [line.split(":") for line in (self.root / "etc/passwd").read_text().splitlines()]
        self.user = int(self.config["User"])
        self.group = next(int(user[3]) for user in users if int(user[2]) == self.user)
        # A container engine creates the mount points that the image lacks.
        (self.root / "etc/nines").mkdir(exist_ok=True)
        self.etc, self.data = folder / "etc", folder / "volume"
        self.etc.mkdir()
        # A new volume gets the owner and the mode of the image's folder.
        of = (self.root / "var/lib/nines").stat()
        self.data.mkdir()
        os.chown(self.data, of.st_uid, of.st_gid)
        self.data.chmod(stat.S_IMODE(of.st_mode))
        (folder / "enter").write_text(ENTER)

    def command(self, *words, user=None, mode="ro", entrypoint=None):
        user = self.user if user is None else user
        group = self.group if user == self.user else 0
        entrypoint = self.config["Entrypoint"] if entrypoint is None else entrypoint
        return [need("unshare", "util-linux"), "--mount", "--pid", "--fork", "--kill-child", "bash",
                self.workspace.folder / "enter", self.root, self.etc, mode, self.data, user, group,
                self.config["WorkingDir"], *entrypoint, *words]

    def ask(self, *words, status=(0,), **more):
        return run(*self.command(*words, **more), seconds=120, status=status)

    def close(self):
        for words in (["umount", "--all"], ["rm", "--all"], ["rmi", "--all", "--force"]):
            subprocess.run([*self.buildah, *words], capture_output=True)


def confined(pid, image):
    """Fail unless the process has the image's user, no capability and no way to get one, and is process 1."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    check(status["Uid"].split() == [str(image.user)] * 4 and status["Gid"].split() == [str(image.group)] * 4,
          f"the service runs as {status['Uid']}, {status['Gid']}")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        check(int(status[name], 16) == 0, f"{name} is {status[name]}")
    check(status["NoNewPrivs"] == "1" and status["NSpid"].split()[-1] == "1", "the service is not confined")


def configure(image, target, relay, private):
    """Write the configuration with `nines init`, then add a customer and make the probe fast."""
    zone, month = calm_zone()
    image.ask("init", "--name", "Example HIE", "--zone", zone, "--member", "chair@example.org", "--system", "Portal",
              "--url", f"http://127.0.0.1:{target}/", "--relay", f"smtp://127.0.0.1:{relay}",
              "--data", "/var/lib/nines", user=0, mode="rw")
    file = image.etc / "nines.toml"
    text = file.read_text()
    check("127.0.0.1:8081" in text, "`nines init` names another private listener")
    file.write_text(text.replace("127.0.0.1:8081", f"127.0.0.1:{private}") + """
[[customer]]
id       = "st-elsewhere"
name     = "St. Elsewhere Hospital"
zone     = "America/Chicago"
contacts = ["it@st-elsewhere.example"]
systems  = ["portal"]
""")
    system = image.etc / "systems/portal.toml"
    text = system.read_text()
    check('interval = "30s"' in text, "`nines init` writes another interval")
    system.write_text(text.replace('interval = "30s"', 'interval = "2s"\nretry_interval = "1s"'))
    image.ask("check", "--connect")
    return month


def main():
    check(os.geteuid() == 0, "this script needs root")
    found = sorted((ROOT / "dist").glob("nines-*-x86_64-linux.tar.gz"))
    check(len(found) == 1, f"dist/ must have one tarball of `make package`: {[file.name for file in found]}")
    with Workspace(1800) as workspace:
        image = Image(workspace)
        try:
            exercise(workspace, image)
        finally:
            image.close()


def exercise(workspace, image):
    say(f"an image of {found_size(image.root)} MB, user {image.user}:{image.group}")
    target, relay, private = free_port(), free_port(), free_port()
    site, spool = workspace.target("site", target), workspace.aiosmtpd(relay)
    month = configure(image, target, relay, private)

    service = workspace.begin("service", image.command(*image.config["Cmd"]))
    until(60, "the service is not ready",
          lambda: running(service, "the service") and fetch(f"http://127.0.0.1:{private}/readyz"))
    child = pathlib.Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    check(len(child) == 1, f"the service has not one process but {child}")
    confined(int(child[0]), image)
    until(30, "the portal is not up", lambda: "up       portal" in image.ask("status", status=(0, 1)), every=1)

    become(site, "status")
    until(60, "no downtime mail", lambda: len(mails(spool)) == 1)
    become(site, "ok")
    until(60, "no uptime mail", lambda: len(mails(spool)) == 2)
    for mail in mails(spool):
        check(mail.to == "it@st-elsewhere.example", f"a mail to {mail.to}")
        say(f"a mail: {mail.subject}")

    for path in ("/opt/nines/nines", "/etc/nines/nines.toml", "/var/lib/new", "/new"):
        done = subprocess.run([str(word) for word in image.command("-c", f"echo >>{path}", entrypoint=["sh"])],
                              capture_output=True, text=True)
        check(done.returncode != 0, f"{path} can be written")
    image.ask("report", month, "--format", "pdf", "--out", "/var/lib/nines/report.pdf")
    image.ask("sql", "SELECT probe, count(*) FROM samples GROUP BY probe")
    image.ask("backup", "/var/lib/nines/backup")
    say(image.ask("verify", "--replay"))
    # A report that a person prints gets the usual mode of a file.
    (image.data / "report.pdf").unlink()
    open_to_others = []
    for path in image.data.rglob("*"):
        is_ours, mode = path.stat().st_uid == image.user, stat.S_IMODE(path.stat().st_mode)
        if not (is_ours and mode & 0o077 == 0):
            open_to_others.append(f"{path.relative_to(image.data)} {mode:o}")
    check(not open_to_others, f"other users can read {', '.join(open_to_others)}")

    os.kill(int(child[0]), signal.SIGTERM)
    status = service.wait(40)
    check(status == 0, f"the service exited with {status} after SIGTERM")
    say("container: ok")


def found_size(root):
    return int(run("du", "-sxm", root).split()[0])


if __name__ == "__main__":
    main()
