"""Whom a file can be trusted to. Modes hold for root and others alike: they are only looked at."""

from __future__ import annotations

import os

import pytest

from supervisor_maint.settings import trust

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    path = folder / "maint.conf"
    path.write_text("")
    path.chmod(0o644)
    return path


def test_ordinary_file_is_trusted(file):
    """A file that only its owner can write, in folders that only theirs can, is trusted."""
    assert None is trust.writers(file)


@pytest.mark.parametrize("mode", [0o666, 0o602])
def test_file_that_everyone_can_write_is_not(file, mode):
    """A file that everyone can write is named with its mode."""
    file.chmod(mode)

    assert f"everyone can write to {file} (mode {mode:04o})" == trust.writers(file)


def test_folder_that_everyone_can_write_is_not(file):
    """Who can write to a folder can replace what is in it."""
    file.parent.chmod(0o777)

    assert f"everyone can write to {file.parent} (mode 0777)" == trust.writers(file)


def test_sticky_folder_is_trusted_for_what_we_own(file):
    """In a sticky folder nobody can replace another's file."""
    file.parent.chmod(0o1777)

    assert None is trust.writers(file)


@needs_root
def test_sticky_folder_is_not_for_what_others_put_there(file):
    """In a sticky folder a stranger's file may have been put there by the stranger."""
    file.parent.chmod(0o1777)
    os.chown(file, 12345, -1)

    assert "user 12345 owns maint.conf in it" in trust.writers(file)


@needs_root
@pytest.mark.parametrize(("group", "trusted"), [(0, True), (12345, False)])
def test_group_that_can_write_is_trusted_if_root(file, group, trusted):
    """A writable group is as good as root's, or is refused."""
    os.chown(file, -1, group)
    file.chmod(0o664)

    assert trusted is (trust.writers(file) is None)


@needs_root
def test_owner_is_trusted(file):
    """A file's owner may change it."""
    os.chown(file, 12345, -1)

    assert None is trust.writers(file)


def test_symlink_is_followed_to_an_open_folder(file, tmp_path):
    """A link's target is looked at with every folder on its way."""
    loose = tmp_path / "loose"
    loose.mkdir()
    target = loose / "real.conf"
    target.write_text("")
    loose.chmod(0o777)
    link = file.parent / "link.conf"
    link.symlink_to("../loose/real.conf")

    assert f"everyone can write to {loose} (mode 0777)" == trust.writers(link)


def test_symlink_in_an_open_folder_is_not_trusted(file, tmp_path):
    """A link can be changed where it lies, however safe its target."""
    loose = tmp_path / "loose"
    loose.mkdir()
    link = loose / "link.conf"
    link.symlink_to(file)
    loose.chmod(0o777)

    assert f"everyone can write to {loose} (mode 0777)" == trust.writers(link)


def test_link_to_itself_ends(tmp_path):
    """A loop of links is an OSError, not a hang."""
    link = tmp_path / "loop"
    link.symlink_to(link)
    with pytest.raises(OSError):
        trust.writers(link)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0o600, None), (0o400, None), (0o640, "mode 0640"), (0o604, "mode 0604")],
)
def test_secret_is_for_its_owner(file, mode, expected):
    """A secret that group or others can touch is open."""
    file.chmod(mode)

    assert expected == trust.readers(file)
