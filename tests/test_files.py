"""Files that are never seen half-written, and names that are nobody else's."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import pytest

from metaqnn.files import moved_aside, rename_new, written_whole
from metaqnn.owner import Owner

WRITER = """
import sys, time
from pathlib import Path
from metaqnn.files import written_whole

with written_whole(Path(sys.argv[1])) as part:
    part.write_text("half")
    print(part, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def writer(tmp_path):
    """A process in the middle of writing `net.keras`; yields it and its folder."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "net.keras")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        part = Path(process.stdout.readline().strip())
        assert part.read_text(encoding="utf-8") == "half"
        yield process, part.parents[1]
        process.kill()


def write(target: Path, text: str = "new") -> None:
    with written_whole(target) as part:
        part.write_text(text, encoding="utf-8")


def test_a_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "net.keras"
    target.write_text("old", encoding="utf-8")
    with written_whole(target) as part:
        part.write_text("new", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "old"
        assert part.name == target.name
    assert target.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["owner", "new", "x" * 255, ".metaqnn-part-x"])
def test_every_name_can_be_written(tmp_path, name):
    write(tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_appears_when_the_block_ends(tmp_path):
    with written_whole(tmp_path / "tables", is_new=True) as part:
        part.mkdir()
        (part / "a.csv").touch()
        assert not (tmp_path / "tables").exists()
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["a.csv"]


def test_nothing_is_left_of_what_fails(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("old", encoding="utf-8")

    def fail():
        with written_whole(target) as part:
            part.write_text("half", encoding="utf-8")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fail()
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("is_folder", [True, False])
@pytest.mark.parametrize("in_the_way", ["file", "folder", "link"])
def test_a_name_that_is_taken_in_the_meantime_is_left_alone(tmp_path, is_folder, in_the_way):
    target = tmp_path / "x"

    def write_beside_another():
        with written_whole(target, is_new=True) as part:
            part.mkdir() if is_folder else part.write_text("ours", encoding="utf-8")
            if in_the_way == "folder":
                target.mkdir()
            elif in_the_way == "link":
                target.symlink_to("nowhere")
            else:
                target.write_text("theirs", encoding="utf-8")

    with pytest.raises(FileExistsError):
        write_beside_another()
    assert list(tmp_path.iterdir()) == [target]
    assert target.is_symlink() or target.is_dir() or target.read_text(encoding="utf-8") == "theirs"


def test_names_can_be_taken_without_links(tmp_path, monkeypatch):
    def no_links(*_, **__):
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "a").write_text("a", encoding="utf-8")
    (tmp_path / "b").write_text("b", encoding="utf-8")
    with pytest.raises(FileExistsError):
        rename_new(tmp_path / "a", tmp_path / "b")
    rename_new(tmp_path / "a", tmp_path / "c")
    assert sorted((path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()) == [
        ("b", "b"),
        ("c", "a"),
    ]


def test_what_is_moved_aside_keeps_its_content_and_takes_nobodys_name(tmp_path):
    moved = []
    for number in range(3):
        (tmp_path / "a.csv").write_text(str(number), encoding="utf-8")
        moved.append(moved_aside(tmp_path / "a.csv"))
    assert [path.read_text(encoding="utf-8") for path in moved] == ["0", "1", "2"]
    assert len(set(moved)) == len(list(tmp_path.iterdir())) == 3
    assert all(path.name.startswith("a.2") and path.suffix == ".csv" for path in moved)
    assert moved_aside(tmp_path / "a.csv") is None
    (tmp_path / "link").symlink_to("nowhere")
    assert os.readlink(moved_aside(tmp_path / "link")) == "nowhere"


# Left-overs


def test_what_a_killed_process_left_is_removed_by_the_next(writer, tmp_path):
    process, left = writer
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has read its exit code
    assert left.is_dir()
    write(tmp_path / "net.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["net.keras"]


def test_what_a_living_process_writes_is_left_alone(writer, tmp_path):
    process, left = writer
    process.send_signal(signal.SIGSTOP)
    write(tmp_path / "net.keras")
    assert (left / "new" / "net.keras").read_text(encoding="utf-8") == "half"


def test_what_merely_looks_like_a_left_over_is_never_touched(writer, tmp_path):
    """A copy of one, a link to one, folders and files of that name: none is the folder that its owner made."""
    process, left = writer
    process.kill()
    process.wait()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(left, elsewhere / "real")
    shutil.copytree(elsewhere / "real", tmp_path / ".metaqnn-part-copy")
    (tmp_path / ".metaqnn-part-link").symlink_to(elsewhere / "real")
    (tmp_path / ".metaqnn-part-file").write_text("mine", encoding="utf-8")
    for name, content in (("empty", None), ("other", b"mine"), ("bytes", b"\xff\n" * 9)):
        (tmp_path / f".metaqnn-part-{name}").mkdir()
        if content is not None:
            (tmp_path / f".metaqnn-part-{name}" / "owner").write_bytes(content)
    (tmp_path / ".metaqnn-part-fifo").mkdir()
    os.mkfifo(tmp_path / ".metaqnn-part-fifo" / "owner")
    before = sorted(tmp_path.rglob("*"))
    write(tmp_path / "net.keras")
    (tmp_path / "net.keras").unlink()
    assert sorted(tmp_path.rglob("*")) == before


def test_an_owner_elsewhere_is_never_taken_for_gone():
    here = Owner.here()
    gone = {"process": "999999999", "start": "1"}
    assert not here.is_gone()
    assert Owner(**{**vars(here), **gone}).is_gone()
    assert Owner(**{**vars(here), "start": "1"}).is_gone()  # the number is another process's by now
    assert Owner(**{**vars(here), "boot": "an earlier one"}).is_gone()
    assert Owner(**{**vars(here), **gone, "host": "renamed since"}).is_gone()
    another = {"host": "another", "boot": "its own"}
    assert not Owner(**{**vars(here), **gone, **another}).is_gone()
    assert not Owner(**{**vars(here), **gone, **another}).is_visible()
    assert Owner(**{**vars(here), "process": "../self"}).is_gone()  # no process has such a number
    assert not Owner(**{**vars(here), **gone, "space": "of a container"}).is_gone()
    assert not Owner(**{**vars(here), **gone, "boot": ""}).is_gone()


def test_a_process_that_the_system_hides_is_not_taken_for_gone():
    """As on machines of many users, where /proc shows everybody their own processes alone."""
    nobody = "os.setgroups([]); os.setgid(65534); os.setuid(65534)"
    look = f"import os, sys; from metaqnn.owner import Owner; {nobody}; owner = Owner(*sys.argv[1:])"
    program = [sys.executable, "-c", f"{look}; print(owner.is_visible(), owner.is_gone())", *astuple(Owner.here())]
    command = f"mount -t proc -o hidepid=2 proc /proc && exec {shlex.join(program)}"
    ended = subprocess.run(["unshare", "--mount", "sh", "-c", command], capture_output=True, text=True, check=False)
    if "mount:" in ended.stderr or "unshare:" in ended.stderr:
        pytest.skip("hiding processes needs more rights than this user has")
    assert (ended.stdout, ended.stderr) == ("False False\n", "")


def test_a_file_and_a_folder_and_a_link_of_the_users_are_kept(tmp_path):
    (tmp_path / "net.keras.part").write_text("mine", encoding="utf-8")
    (tmp_path / "net.part.keras").mkdir()
    (tmp_path / "net.part.keras" / "mine").write_text("mine", encoding="utf-8")
    (tmp_path / ".net.keras-x.part").symlink_to("net.keras.part")
    before = sorted(tmp_path.rglob("*"))
    write(tmp_path / "net.keras")
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "net.keras"])
    assert (tmp_path / "net.keras.part").read_text(encoding="utf-8") == "mine"
