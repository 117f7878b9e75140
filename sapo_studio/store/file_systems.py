"""Which file system a folder is on, and whether a store may lie there.

The store's log of changes (SQLite's WAL) needs memory that all its readers and writers share, and locks that hold. A
file system that comes over a network, or through a program (FUSE), gives neither for sure: two machines, or two mounts,
would each see an index of their own and overwrite each other's pages.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from sapo_studio import paths
from sapo_studio.errors import StoreError

ALLOW_VARIABLE = "SAPO_STUDIO_ALLOW_NETWORK_HOME"
"""Set this environment variable to 1 to keep the store on such a file system all the same."""

MOUNT_TABLE = Path("/proc/self/mountinfo")
"""What Linux has mounted where, as this process sees it."""

NETWORK = {
    **dict.fromkeys(("nfs", "nfs4"), "NFS"),
    **dict.fromkeys(("cifs", "smb2", "smb3", "smbfs", "smb"), "SMB"),
    **dict.fromkeys(("9p", "v9fs"), "9P, a file system shared with another machine or a virtual machine's host"),
    **dict.fromkeys(("afs", "auristorfs", "openafs", "kafs", "coda"), "AFS"),
    **dict.fromkeys(("ncp", "ncpfs"), "NetWare"),
    **dict.fromkeys(("davfs", "webdav"), "WebDAV"),
    **dict.fromkeys(("gpfs", "mmfs"), "GPFS"),
    **dict.fromkeys(("ocfs", "ocfs2"), "OCFS2"),
    **dict.fromkeys(("gfs", "gfs2"), "GFS2"),
    **dict.fromkeys(("pvfs", "pvfs2", "orangefs"), "OrangeFS"),
    **dict.fromkeys(("vboxsf", "vboxfs", "vmhgfs", "hgfs", "prl_fs", "drvfs", "virtiofs"), "a virtual machine's share"),
    "lustre": "Lustre",
    "lustre_lite": "Lustre",
    "beegfs": "BeeGFS",
    "fhgfs": "BeeGFS",
    "ceph": "Ceph",
    "panfs": "PanFS",
    "wekafs": "WekaFS",
    "glusterfs": "GlusterFS",
    "acfs": "ACFS",
    "afpfs": "AFP",
    "ftpfs": "FTP",
    "sshfs": "sshfs",
    "shfs": "sshfs",
    "stornext": "StorNext",
    "cvfs": "StorNext",
    "dvs": "Cray DVS",
}
"""Types as the mount table names them, and what people call them."""

LOCAL_FUSE = {
    *("fuseblk", "ntfs-3g", "ntfs", "exfat", "ext2", "ext3", "ext4", "fuse2fs", "apfs", "zfs", "zfs-fuse", "btrfs"),
    *("fuse-overlayfs", "overlayfs", "mergerfs", "unionfs", "unionfs-fuse", "bindfs", "lxcfs", "squashfuse"),
    *("encfs", "gocryptfs", "cryfs", "securefs", "veracrypt", "dislocker", "ecryptfs", "cryptomator"),
}
"""Programs that show what is on a disk of this machine: they keep what WAL needs. Any other is taken for a network."""

OWN_ROOT = {"9p", "virtiofs"}
"""How sandboxes and virtual machines (gVisor, Kata) get a root of their own from their host. Nobody else has it."""

MAGIC = {
    **dict.fromkeys((0x6969,), "nfs"),
    **dict.fromkeys((0x517B, 0xFF534D42), "cifs"),
    **dict.fromkeys((0xFE534D42,), "smb3"),
    **dict.fromkeys((0x5346414F, 0x6B414653), "afs"),
    0x73757245: "coda",
    0x01021997: "9p",
    0x564C: "ncpfs",
    0x65735546: "fuse",
    0x0BD00BD0: "lustre",
    0x47504653: "gpfs",
    0x00C36400: "ceph",
    0x7461636F: "ocfs2",
    0x01161970: "gfs2",
    0x20030528: "orangefs",
    0xAAD7AAEA: "panfs",
    0x19830326: "beegfs",
    0x786F4256: "vboxsf",
    0xBACBACBC: "vmhgfs",
    0x61636673: "acfs",
}
"""`f_type` of statfs(2) on Linux, and the type that it stands for."""


@dataclass(frozen=True)
class Mounted:
    """What a path lies on. `kind` as the system calls it (`ext4`, `nfs4`, `fuse.sshfs`), '' where it does not say."""

    point: str
    kind: str

    @property
    def network(self) -> str:
        """What people call this kind, if it is a network file system or one that cannot be told from it; else ''."""
        kind = self.kind.lower()
        if self.point == "/" and kind in OWN_ROOT:
            return ""
        if kind in NETWORK:
            return NETWORK[kind]
        family, _, program = kind.partition(".")
        if family in ("fuse", "osxfuse", "macfuse", "fusefs", "macfuse_fskit"):
            if program in LOCAL_FUSE:
                return ""
            return NETWORK.get(program) or (f"{program} (FUSE)" if program else "FUSE")
        return ""


def allowed() -> bool:
    """Whether the user has said that the store may lie on a network file system."""
    return os.environ.get(ALLOW_VARIABLE, "").strip().lower() in ("1", "yes", "true", "on")


def check(path: Path) -> None:
    """Raise StoreError where a store at `path` would lie on a network file system, unless the user allows it."""
    if refusal := network_refusal(path):
        raise refusal


def network_refusal(path: Path) -> StoreError | None:
    """What is said of a store at `path` where its file system is none for it; None where it is, or where it is allowed.

    The path need not exist; links are followed.
    """
    found = mounted(path)
    if not found.network or allowed():
        return None
    return StoreError(
        f"The store {path} is on a network file system",
        why=f"{found.point or path.parent} is {found.network}"
        + (f" ({found.kind})" if found.kind and found.kind.lower() not in found.network.lower() else "")
        + ". SQLite's log of changes (WAL) needs memory that all programs share and locks that hold; there it has"
        " neither for sure, and the store would be damaged sooner or later.",
        fix=f"Set {paths.HOME_VARIABLE} to a folder on a disk of this machine. Where you know that only one machine"
        f" ever uses the folder, {ALLOW_VARIABLE}=1 takes the risk (docs/store.md).",
    )


def mounted(path: Path) -> Mounted:
    """The file system that `path` is on, or would be."""
    real = os.path.realpath(path)
    if sys.platform == "win32":
        return _windows(real)
    table = _linux_mounts() if sys.platform == "linux" else _other_mounts()
    found = _deepest(real, table)
    if found is None or not found.kind:
        return Mounted(found.point if found else "", MAGIC.get(_statfs_type(real), ""))
    return found


def _deepest(real: str, table: list[Mounted]) -> Mounted | None:
    """The entry whose mount point holds `real`. Of several at one point the last was mounted over the others."""
    best: Mounted | None = None
    for entry in table:
        point = entry.point.rstrip("/")
        if (real == point or real.startswith(point + "/")) and (
            best is None or len(point) >= len(best.point.rstrip("/"))
        ):
            best = entry
    return best


_OCTAL = re.compile(r"\\([0-7]{3})")


def _linux_mounts() -> list[Mounted]:
    """`36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`, blanks as `\\040`."""
    try:
        lines = MOUNT_TABLE.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    found: list[Mounted] = []
    for line in lines:
        before, _, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if len(left) >= 5 and right[0]:
            point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), left[4]) if "\\" in left[4] else left[4]
            found.append(Mounted(point, right[0]))
    return found


def _other_mounts() -> list[Mounted]:
    import psutil

    try:
        return [Mounted(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]
    except (OSError, psutil.Error):
        return []


def _windows(real: str) -> Mounted:
    drive = os.path.splitdrive(real)[0]
    if drive.startswith("\\\\") and not drive.startswith("\\\\?\\") and not drive.startswith("\\\\.\\"):
        return Mounted(drive, "smb")
    if sys.platform == "win32":
        remote = 4
        if ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == remote:
            return Mounted(drive, "smb")
    return Mounted(drive, "")


def _statfs_type(real: str) -> int:
    """`f_type` of the nearest folder above `real` that exists; 0 where the system does not say. Linux only."""
    if sys.platform != "linux":
        return 0
    existing = Path(real)
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        buffer = ctypes.create_string_buffer(512)  # struct statfs is 120 bytes or less; f_type comes first
        if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(existing), buffer) != 0:
            return 0
    except (OSError, AttributeError):
        return 0
    return int(ctypes.c_long.from_buffer(buffer).value) & 0xFFFFFFFF
