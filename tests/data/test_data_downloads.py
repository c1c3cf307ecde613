import hashlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from metaqnn.errors import DataError
from metaqnn.networks.data import open_source
from metaqnn.networks.data.downloads import DownloadError, cache_folder, fetch_file
from metaqnn.networks.data.svhn import fetch_svhn, read_mat


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The folder of the test behind a real server; returns its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *told: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def write_mat(path: Path, number: int, server: str = "http://127.0.0.1") -> tuple[str, str]:
    """A small file of SVHN's form; returns its URL and its checksum."""
    from scipy.io import savemat

    images = np.arange(32 * 32 * 3 * number, dtype=np.uint32).reshape(32, 32, 3, number) % 256
    savemat(path, {"X": images.astype(np.uint8), "y": (np.arange(number) % 10 + 1)[:, np.newaxis].astype(np.uint8)})
    return f"{server}/{path.name}", hashlib.md5(path.read_bytes()).hexdigest()


def test_the_users_folder_comes_before_the_cache(archive, monkeypatch):
    cached = archive("cache/mnist.npz")
    assert open_source("mnist").location() == str(cached)
    given = archive("given/mnist.npz")
    source = open_source("mnist")
    monkeypatch.setenv("METAQNN_DATA", str(given.parent))  # read at call time
    assert source.location() == str(given)
    given.unlink()
    assert source.location() == str(cached)
    assert len(source.train().labels) == 40


def test_known_classes_need_not_all_occur(archive):
    archive("cache/cifar100.npz")
    train = open_source("cifar100").train()
    assert len(train.class_names) == 100
    assert list(train.class_names) == sorted(train.class_names)


def test_the_cache_folder(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("METAQNN_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "metaqnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "metaqnn"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / "home" / ".cache" / "metaqnn"


def test_what_was_downloaded_before_is_found(monkeypatch, tmp_path):
    (tmp_path / "home" / ".cache" / "metaqnn").mkdir(parents=True)
    monkeypatch.delenv("METAQNN_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "metaqnn"
    (tmp_path / "new" / "metaqnn").mkdir(parents=True)
    assert cache_folder() == tmp_path / "new" / "metaqnn"


def test_without_a_network_keras_fails_in_one_sentence(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with pytest.raises(DataError) as error:
        open_source("mnist").train()
    text = str(error.value)
    assert text.startswith("mnist is not on this machine and cannot be downloaded (URL fetch failure on https://")
    assert text.endswith(
        "); put mnist.npz with x_train, y_train, x_test and y_test into the folder that METAQNN_DATA names "
        "(it is not set)"
    )
    assert "\n" not in text
    assert capfd.readouterr() == ("", "")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_a_network_svhn_fails_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("METAQNN_DATA", str(tmp_path))
    with pytest.raises(DataError) as error:
        open_source("svhn").train()
    text = str(error.value)
    assert text.startswith("svhn is not on this machine and cannot be downloaded (http://ufldl.stanford.edu/")
    assert "Connection refused" in text
    assert "\n" not in text
    assert text.endswith(
        f"); put svhn.npz with x_train, y_train, x_test and y_test into the folder that METAQNN_DATA names ({tmp_path})"
    )
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """A package named keras for the child process alone, as the real one needs a network to succeed."""

    def write(body: str) -> None:
        package = tmp_path / "stand_in" / "keras" / "datasets"
        package.mkdir(parents=True)
        (package.parent / "__init__.py").touch()
        (package / "__init__.py").touch()
        (package / "mnist.py").write_text(body)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stand_in"))

    return write


def test_a_download_is_kept(stand_in, tmp_path):
    stand_in(
        "import numpy\n"
        "def load_data():\n"
        "    print('Downloading data')\n"
        "    part = numpy.zeros((20, 4, 4), numpy.uint8), numpy.arange(20) % 10\n"
        "    return part, part\n"
    )
    source = open_source("mnist")
    assert source.available() is False
    assert source.train().images.shape == (20, 4, 4, 1)
    assert source.available() is True
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["mnist.npz"]


def test_a_child_that_dies_says_so(stand_in):
    stand_in("import os\ndef load_data():\n    os._exit(3)\n")
    with pytest.raises(DataError, match=r"^mnist is not on this machine and cannot be downloaded \(exit status 3\);"):
        open_source("mnist").train()


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("METAQNN_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"^mnist is not .* downloaded \(\[Errno 17\] File exists: .*\); put mnist.npz"):
        open_source("mnist").train()


def test_svhn_is_converted(tmp_path):
    write_mat(tmp_path / "train.mat", 12)
    images, labels = read_mat(tmp_path / "train.mat")
    assert images.shape == (12, 32, 32, 3)
    assert images.flags.c_contiguous
    # Element (row, column, channel, n) of the file has the value ((row * 32 + column) * 3 + channel) * 12 + n.
    assert images[5, 2, 7, 1] == (((2 * 32 + 7) * 3 + 1) * 12 + 5) % 256
    assert labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]


def test_svhn_is_fetched_and_verified(tmp_path, server):
    parts = {"train": ("a.mat", 12), "test": ("b.mat", 11)}
    files = {part: write_mat(tmp_path / name, number, server) for part, (name, number) in parts.items()}
    path = tmp_path / "fetched" / "svhn.npz"
    path.parent.mkdir()
    fetch_svhn("svhn", path, files)
    assert list(path.parent.iterdir()) == [path]
    source = open_source(str(path))
    assert (len(source.train().labels), len(source.test().labels)) == (12, 11)


def test_a_wrong_checksum_is_refused(tmp_path, server):
    url, md5 = write_mat(tmp_path / "a.mat", 2, server)
    with pytest.raises(DownloadError) as error:
        fetch_file(url, "0" * 32, tmp_path / "b.mat")
    text = str(error.value)
    assert text.startswith(f"{url}: MD5 hash of downloaded file")
    assert "0" * 32 in text
    assert md5 in text
    assert not (tmp_path / "b.mat").exists()
