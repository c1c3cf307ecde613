"""Files that are never seen half-written."""

import pytest

from metaqnn.files import written_whole


@pytest.mark.parametrize("options", [{}, {"keeps_ending": True}, {"is_durable": True}])
def test_a_file_appears_when_the_block_ends(tmp_path, options):
    target = tmp_path / "net.keras"
    target.write_text("old", encoding="utf-8")
    with written_whole(target, **options) as part:
        part.write_text("new", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "old"
        assert (part.suffix == ".keras") == options.get("keeps_ending", False)
    assert target.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_appears_when_the_block_ends(tmp_path):
    with written_whole(tmp_path / "tables") as part:
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
def test_what_a_killed_process_left_is_replaced(tmp_path, is_folder):
    left = tmp_path / "tables.part"
    if is_folder:
        left.mkdir()
        (left / "old.csv").touch()
    else:
        left.touch()
    with written_whole(tmp_path / "tables") as part:
        part.mkdir()
    assert list((tmp_path / "tables").iterdir()) == []
    assert not left.exists()
