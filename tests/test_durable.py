"""A file or directory is there whole or not at all, and one process at a time holds a lock."""

import subprocess
import sys
from pathlib import Path

import pytest

from lmsi_kedro import durable


def test_a_file_takes_the_place_of_the_one_before(tmp_path):
    path = tmp_path / "folder" / "file"
    durable.write(path, b"one")
    durable.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "file"
    durable.write(path, b"one")

    def fail():
        with durable.file(path) as temporary:
            temporary.write_bytes(b"half of tw")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def write_directory(final: Path, content: str) -> None:
    prepared = durable.partial(final)
    (prepared / "sub").mkdir()
    (prepared / "sub" / "file").write_text(content)
    durable.publish(prepared, final)


def test_a_directory_takes_the_place_of_the_one_before(tmp_path):
    for content in ("one", "two"):
        write_directory(tmp_path / "final", content)
        assert (tmp_path / "final" / "sub" / "file").read_text() == content
        assert list(tmp_path.iterdir()) == [tmp_path / "final"]


@pytest.mark.parametrize("killed_at", [1, 2])
def test_a_kill_at_either_rename_loses_no_directory(tmp_path, monkeypatch, killed_at):
    final = tmp_path / "final"
    write_directory(final, "one")
    renames, rename = [], Path.rename

    def killed(self, target):
        renames.append(target)
        if len(renames) == killed_at:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            write_directory(final, "two")
    durable.recover(final)
    assert (final / "sub" / "file").read_text() == "one"
    write_directory(final, "three")
    assert (final / "sub" / "file").read_text() == "three"
    assert list(tmp_path.iterdir()) == [final]


HOLD = """
import pathlib, sys
from lmsi_kedro.durable import locked
with locked(pathlib.Path(sys.argv[1]), wait=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_by_one_process_and_freed_by_a_kill(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(durable.LockedError, match="lock is held"), durable.locked(path, wait=False):
        pass
    holder.kill()
    holder.communicate()
    with durable.locked(path, wait=False):
        pass
