from tenantry_operator.reconcile.contents import KEPT, Contents

KEY = ("team-a", "assistants")
OLD, NEW = ("uid-1", 1), ("uid-1", 2)


def test_the_latest_configurations_and_those_that_pods_serve_are_remembered() -> None:
    contents = Contents()
    for number in range(10):
        contents.remember(KEY, f"hash-{number}", [("uid", number)], served={"hash-0"})

    known = contents.of(KEY)

    assert set(known) == {"hash-0", *(f"hash-{number}" for number in range(10 - KEPT, 10))}
    assert known["hash-9"] == frozenset({("uid", 9)})


def test_a_change_that_means_nothing_keeps_both_generations() -> None:
    contents = Contents()
    contents.remember(KEY, "same", [OLD], served=())
    contents.remember(KEY, "same", [NEW], served=())

    assert contents.of(KEY) == {"same": frozenset({OLD, NEW})}


def test_a_configuration_that_comes_back_is_the_latest_again() -> None:
    contents = Contents()
    for name in ("first", *(f"hash-{number}" for number in range(KEPT - 1)), "first", "last"):
        contents.remember(KEY, name, [OLD], served=())

    assert "first" in contents.of(KEY)


def test_nothing_is_left_of_a_gateway_that_is_gone() -> None:
    contents = Contents()
    contents.remember(KEY, "hash", [OLD], served=())
    contents.forget(KEY)

    assert contents.of(KEY) == {}
