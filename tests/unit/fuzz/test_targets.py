"""Each fuzz target holds for what is kept, for valid inputs that were damaged, and for anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import CORPUS, TARGETS, kept, load

KEPT = [path for name in TARGETS for path in kept(name)]


def mutated(seeds: list[bytes], tokens: list[bytes]) -> st.SearchStrategy[bytes]:
    """A seed after a few cuts, insertions and repetitions."""

    @st.composite
    def strategy(draw: st.DrawFn) -> bytes:
        data = draw(st.sampled_from(seeds))
        for _ in range(draw(st.integers(1, 4))):
            start = draw(st.integers(0, len(data)))
            end = min(len(data), start + draw(st.integers(0, 12)))
            piece = draw(st.sampled_from(tokens) | st.binary(max_size=4) | st.just(data[start:end] * 2))
            data = data[:start] + piece + data[end:]
        return data

    return strategy()


def test_every_target_is_a_module_with_seeds_and_the_other_way_round() -> None:
    assert sorted(folder.name for folder in CORPUS.iterdir()) == sorted(TARGETS)
    modules = {path.stem for path in CORPUS.parent.glob("*.py")} - {"__main__", "driver", "targets"}
    assert modules == set(TARGETS)
    assert all(len(kept(name)) > 2 for name in TARGETS)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_target_holds_for_what_is_kept(path: Path) -> None:
    load(path.parent.name).fuzz(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_damaged_seeds(name: str) -> None:
    target = load(name)
    seeds = [path.read_bytes() for path in kept(name)]

    try_on(target.fuzz, mutated(seeds, list(target.TOKENS)), 150)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_anything(name: str) -> None:
    target = load(name)
    scraps = st.lists(st.sampled_from(target.TOKENS) | st.binary(max_size=6), max_size=8).map(b"".join)

    try_on(target.fuzz, scraps, 100)


def try_on(fuzz: Callable[[bytes], None], inputs: st.SearchStrategy[bytes], count: int) -> None:
    def call(data: bytes) -> None:  # hypothesis names the function that it calls, and may not wrap a target's own
        fuzz(data)

    settings(max_examples=count)(given(inputs)(call))()
