"""Which file systems a store may lie on, by made-up mount tables and answers of statfs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sapo_studio.app import diagnosis
from sapo_studio.errors import StoreError
from sapo_studio.store import file_systems, queries
from sapo_studio.store.db import Store
from sapo_studio.store.file_systems import ALLOW_VARIABLE, MAGIC, NETWORK, Mounted

ROOT = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"


def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *mounts: tuple[str, str]) -> None:
    """Let the system say that these are mounted: (point, type), on top of an ext4 root."""
    monkeypatch.setattr(sys, "platform", "linux")
    lines = [ROOT]
    for number, (point, kind) in enumerate(mounts, start=40):
        escaped = point.replace("\\", "\\134").replace(" ", "\\040")
        lines.append(f"{number} 22 0:{number} / {escaped} rw,nosuid shared:{number} master:2 - {kind} host:/x rw,a=b")
    file = tmp_path / "mountinfo"
    file.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(file_systems, "MOUNT_TABLE", file)


NETWORKED = [
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "lustre", "gpfs", "ceph", "beegfs", "ocfs2", "gfs2", "coda"),
    *("fuse", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph-fuse", "fuse.gcsfuse", "davfs"),
    *(
        "fuse.something-new",
        "vboxsf",
        "fuse.vmhgfs-fuse",
        "orangefs",
        "panfs",
        "acfs",
        "drvfs",
        "virtiofs",
        "FUSE.SSHFS",
    ),
]
LOCAL = ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "f2fs", "apfs", "bcachefs", "ecryptfs", "vfat", "fuseblk"]
LOCAL += ["fuse.gocryptfs", "fuse.mergerfs", "fuse.fuse-overlayfs", "ramfs", "nfsd-like-but-not"]


@pytest.mark.parametrize("kind", NETWORKED)
def test_network_file_systems_are_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    table(monkeypatch, tmp_path, (str(home.parent), kind))
    with pytest.raises(StoreError, match="network file system") as caught:
        Store.open()
    assert str(home.parent) in caught.value.why
    assert "WAL" in caught.value.why
    assert "SAPO_STUDIO_HOME" in caught.value.fix
    assert ALLOW_VARIABLE in caught.value.fix
    assert not home.exists(), "nothing is made there"


@pytest.mark.parametrize("kind", LOCAL)
def test_disks_of_this_machine_are_not(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    table(monkeypatch, tmp_path, (str(home.parent), kind))
    with Store.open() as store:
        assert queries.list_runs(store) == []


def test_an_existing_store_is_refused_as_well(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Store.open().close()
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    table(monkeypatch, tmp_path, (str(home), "nfs4"))
    with pytest.raises(StoreError, match="network file system"):
        Store.open(create=False)
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


@pytest.mark.parametrize("value", ["1", "yes", "TRUE"])
def test_a_user_may_take_the_risk(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str):
    table(monkeypatch, tmp_path, (str(home.parent), "nfs4"))
    monkeypatch.setenv(ALLOW_VARIABLE, value)
    Store.open().close()
    monkeypatch.setenv(ALLOW_VARIABLE, "0")
    with pytest.raises(StoreError, match="network file system"):
        Store.open()


def test_the_deepest_mount_counts_and_of_one_place_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table(monkeypatch, tmp_path, ("/net", "nfs4"), ("/net/fast", "xfs"), ("/other", "ext4"), ("/other", "lustre"))
    kinds = {
        "/net/home/studio.db": "nfs4",
        "/net": "nfs4",
        "/network/studio.db": "ext4",
        "/net/fast/studio.db": "xfs",
        "/net/faster/studio.db": "nfs4",
        "/other/a/b/c": "lustre",
        "/studio.db": "ext4",
    }
    assert {path: file_systems.mounted(Path(path)).kind for path in kinds} == kinds


def test_a_sandbox_has_its_own_root_from_its_host(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for kind, refused in (("9p", False), ("virtiofs", False), ("nfs4", True)):
        table(monkeypatch, tmp_path, ("/", kind))
        assert bool(file_systems.mounted(home).network) is refused
    table(monkeypatch, tmp_path, ("/", "9p"), (str(home.parent), "9p"))
    assert file_systems.mounted(home).network


def test_blanks_in_a_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table(monkeypatch, tmp_path, ("/my disk\\s", "cifs"))
    assert file_systems.mounted(Path("/my disk\\s/studio.db")).network == "SMB"


def test_links_are_followed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    far = tmp_path / "far"
    far.mkdir()
    table(monkeypatch, tmp_path, (str(far), "fuse.sshfs"))
    home.symlink_to(far)
    with pytest.raises(StoreError, match="network file system") as caught:
        Store.open()
    assert "sshfs" in caught.value.why
    home.unlink()
    home.mkdir()
    (home / "studio.db").symlink_to(far / "studio.db")
    with pytest.raises(StoreError, match="network file system"):
        Store.open()


@pytest.mark.parametrize("content", [None, "", "garbage\n- -\n40 22"])
def test_without_a_mount_table_statfs_is_asked(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
):
    monkeypatch.setattr(sys, "platform", "linux")
    file = tmp_path / "mountinfo"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(file_systems, "MOUNT_TABLE", file)
    for magic, kind in MAGIC.items():
        monkeypatch.setattr(file_systems, "_statfs_type", lambda _, magic=magic: magic)
        assert file_systems.mounted(home) == Mounted("", kind)
        with pytest.raises(StoreError, match="network file system"):
            Store.open()
    monkeypatch.setattr(file_systems, "_statfs_type", lambda _: 0xEF53)  # ext4
    Store.open().close()


@pytest.mark.skipif(sys.platform != "linux", reason="statfs(2) of Linux")
def test_statfs_answers(tmp_path: Path):
    assert file_systems._statfs_type(str(tmp_path / "not" / "there")) == file_systems._statfs_type(str(tmp_path)) != 0
    assert file_systems._statfs_type("/proc") == 0x9FA0


def test_other_systems_are_asked_by_psutil(home: Path, monkeypatch: pytest.MonkeyPatch):
    import psutil

    class Part:
        mountpoint, fstype = str(home.parent), "smbfs"

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [Part()] if all else [])
    with pytest.raises(StoreError, match="network file system"):
        Store.open()


def test_every_magic_number_means_a_network():
    assert all(Mounted("/home", kind).network for kind in MAGIC.values())
    assert all(Mounted("/home", kind).network for kind in NETWORK)


def test_doctor_says_so(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def folder() -> diagnosis.Check:
        return diagnosis.folder_check(home)

    assert folder().state in ("good", "note")
    assert "network" not in folder().finding
    table(monkeypatch, tmp_path, (str(home), "lustre"))
    assert folder().state == "bad"
    assert "Lustre" in folder().finding
    assert "WAL" in folder().advice
    monkeypatch.setenv(ALLOW_VARIABLE, "1")
    assert folder().state == "note"
    assert "one machine" in folder().advice
