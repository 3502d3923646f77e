import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.cache import cache_root, content_key, exclusive


def test_the_cache_follows_xdg_and_ignores_a_relative_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/disk")
    assert cache_root() == Path("/big/disk/tenantry")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_root() == Path("/home/me/.cache/tenantry")


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_only_equal_sequences_of_parts_have_equal_keys(one: list[bytes], other: list[bytes]) -> None:
    assert (content_key(one) == content_key(other)) == (one == other)


def test_only_one_at_a_time_holds_a_lock(tmp_path: Path) -> None:
    lock, inside = tmp_path / "folder" / "lock", []

    def hold() -> None:
        with exclusive(lock):
            inside.append("in")
            assert inside.count("in") == inside.count("out") + 1
            inside.append("out")

    threads = [threading.Thread(target=hold) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == ["in", "out"] * 8
