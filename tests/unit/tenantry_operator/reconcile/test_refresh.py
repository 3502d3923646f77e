from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.conditions.observation import PodView
from tenantry_operator.kube.observe import PodAnswer
from tenantry_operator.reconcile import refresh
from tenantry_operator.reconcile.refresh import PodMemory, Stamp, Wanted

OLD, NEW = "0" * 64, "1" * 64
SECRETS = [("anthropic", 5), ("a-token", 3)]


def pod(uid: str = "u", *, ready: bool = True, annotation: str | None = None) -> PodView:
    return PodView(f"pod-{uid}", uid, ready, "10.0.0.1" if ready else "", annotation, deleting=False, problem=None)


@dataclass
class Tenant:
    """The pods of a Gateway, what they serve, and the time."""

    pods: list[PodView]
    serves: dict[str, str | None]
    memory: PodMemory = field(default_factory=PodMemory)
    now: float = 100.0
    asked: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    """The version of the tokens that each pod reports."""

    def look(
        self, config_hash: str, secrets: list[tuple[str, int]] | None = None, token_version: str = ""
    ) -> tuple[list[str], float | None]:
        """One look: the annotations set, and when to look again."""
        stamp = Stamp.of(config_hash, SECRETS if secrets is None else secrets)
        wanted = Wanted(stamp, config_hash, token_version)
        refresh.follow(self.memory, self.pods, wanted)
        live = refresh.live_pods(self.pods)
        for each in refresh.to_ask(self.memory, live, wanted):
            self.asked += 1
            refresh.heard(self.memory, each, PodAnswer(self.serves[each.uid], self.tokens.get(each.uid)), wanted)
        touches = refresh.to_touch(self.memory, live, wanted, self.now)
        for each, value in touches:
            self.pods[self.pods.index(each)] = replace(each, refresh=value)
        after = refresh.next_look(self.memory, live, wanted, self.now)
        return [value for _, value in touches], after


def test_a_pod_that_serves_what_is_wanted_is_asked_once_and_never_touched() -> None:
    tenant = Tenant([pod()], {"u": NEW})

    assert [tenant.look(NEW), tenant.look(NEW)] == [([], None), ([], None)]
    assert tenant.asked == 1


def test_a_changed_configuration_touches_each_pod_once_and_asks_until_it_follows() -> None:
    tenant = Tenant([pod()], {"u": OLD})
    tenant.look(OLD)

    touches, after = tenant.look(NEW)
    assert touches == [str(Stamp.of(NEW, SECRETS))]
    assert after == refresh.FIRST_ASK

    tenant.now += 1
    assert tenant.look(NEW)[0] == []
    tenant.serves["u"] = NEW
    assert tenant.look(NEW) == ([], None)


def test_a_pod_that_has_not_followed_after_two_seconds_is_touched_once_more() -> None:
    tenant = Tenant([pod()], {"u": OLD})
    tenant.look(OLD)
    (first,), _ = tenant.look(NEW)
    tenant.now += 2

    (second,), _ = tenant.look(NEW)
    tenant.now += 60

    assert second != first
    assert Stamp.parse(second) == Stamp.parse(first) == Stamp.of(NEW, SECRETS)
    assert tenant.look(NEW)[0] == []


def test_questions_become_rarer_and_never_stop() -> None:
    tenant = Tenant([pod()], {"u": OLD})
    tenant.look(OLD)
    pauses = []
    for _ in range(20):
        _, after = tenant.look(NEW)
        assert after is not None
        pauses.append(after)
        tenant.now += after

    assert pauses[-1] == refresh.MAX_ASK
    assert sum(1 for pause in pauses if pause < 1) >= 4


def test_a_changed_secret_touches_twice_since_no_question_can_confirm_it() -> None:
    tenant = Tenant([pod()], {"u": NEW})
    tenant.look(NEW)
    changed = [("anthropic", 6), ("a-token", 3)]

    touches, after = tenant.look(NEW, changed)
    assert (len(touches), after) == (1, refresh.SECOND_TOUCH)
    tenant.now += refresh.SECOND_TOUCH
    assert len(tenant.look(NEW, changed)[0]) == 1
    tenant.now += 60
    assert tenant.look(NEW, changed) == ([], None)


def test_a_new_pod_mounts_what_is_there_and_needs_no_touch() -> None:
    tenant = Tenant([pod()], {"u": NEW, "v": NEW})
    tenant.look(NEW)

    tenant.pods = [pod("v", ready=False)]

    assert tenant.look(NEW) == ([], None)
    assert set(tenant.memory.pods) == {"v"}


def test_a_pod_that_is_not_ready_is_touched_and_not_asked() -> None:
    tenant = Tenant([pod(ready=False)], {})
    tenant.look(NEW, [("anthropic", 0)])

    assert len(tenant.look(NEW, [("anthropic", 1)])[0]) == 1
    assert tenant.asked == 0


def test_after_a_restart_the_annotation_tells_what_a_pod_was_touched_for() -> None:
    done = Tenant([pod(annotation=str(Stamp.of(NEW, SECRETS)))], {"u": NEW})
    missed = Tenant([pod(annotation=str(Stamp.of(OLD, SECRETS)))], {"u": NEW})

    assert done.look(NEW) == ([], None)
    assert len(missed.look(NEW)[0]) == 1


def test_after_a_restart_a_pod_that_serves_something_else_is_touched() -> None:
    plain = Tenant([pod()], {"u": OLD})
    touched = Tenant([pod(annotation=str(Stamp.of(NEW, SECRETS)))], {"u": OLD})

    assert plain.look(NEW)[0] == [str(Stamp.of(NEW, SECRETS))]
    (value,) = touched.look(NEW)[0]
    assert value != str(Stamp.of(NEW, SECRETS))


def test_a_pod_that_gives_no_answer_is_asked_again() -> None:
    tenant = Tenant([pod()], {"u": None})

    touches, after = tenant.look(NEW)

    assert touches == []
    assert after == refresh.FIRST_ASK


def test_what_pods_have_said_is_known_by_their_names() -> None:
    tenant = Tenant([pod("u"), pod("v", ready=False)], {"u": OLD})
    tenant.look(NEW)

    assert tenant.memory.served(tenant.pods) == {"pod-u": OLD}


def test_a_staged_token_is_asked_for_until_each_pod_has_reported_it() -> None:
    tenant = Tenant([pod("u"), pod("v")], {"u": NEW, "v": NEW})
    tenant.look(NEW)
    assert tenant.look(NEW, token_version="")[1] is None

    touches, after = tenant.look(NEW, token_version="v2")
    assert len(touches) == 2
    assert after == refresh.FIRST_ASK
    assert tenant.memory.without_token(tenant.pods, "v2") == ("pod-u", "pod-v")

    tenant.tokens = {"u": "v2", "v": "v1"}
    tenant.look(NEW, token_version="v2")
    assert tenant.memory.without_token(tenant.pods, "v2") == ("pod-v",)
    tenant.tokens["v"] = "v2"
    tenant.look(NEW, token_version="v2")
    tenant.now += refresh.SECOND_TOUCH
    tenant.look(NEW, token_version="v2")
    assert tenant.memory.without_token(tenant.pods, "v2") == ()
    assert tenant.look(NEW, token_version="v2") == ([], None)


def test_a_pod_that_has_an_address_and_is_not_ready_is_asked_for_its_tokens() -> None:
    starting = replace(pod(ready=False), ip="10.0.0.1")
    tenant = Tenant([starting], {"u": None}, tokens={"u": "v2"})

    tenant.look(NEW, token_version="v2")

    assert tenant.asked == 1
    assert tenant.memory.without_token(tenant.pods, "v2") == ()


def test_a_pod_that_goes_counts_until_it_is_gone_or_has_reported_the_token_before() -> None:
    tenant = Tenant([pod("u"), pod("v")], {"u": NEW, "v": NEW}, tokens={"u": "v2"})
    tenant.look(NEW, token_version="v2")
    tenant.pods = [replace(each, deleting=True) for each in tenant.pods]
    asked = tenant.asked

    assert tenant.look(NEW, token_version="v2") == ([], None)
    assert tenant.memory.without_token(tenant.pods, "v2") == ("pod-v",)
    assert tenant.asked == asked
    assert tenant.memory.served(tenant.pods) == {}


def test_a_pod_without_a_node_or_at_its_end_has_no_files_to_wait_for() -> None:
    tenant = Tenant([replace(pod(), has_files=False)], {"u": None})
    tenant.look(NEW, token_version="v2")

    assert tenant.memory.without_token(tenant.pods, "v2") == ()


def test_after_a_restart_a_pod_that_lacks_the_staged_token_is_touched() -> None:
    tenant = Tenant([pod(annotation=str(Stamp.of(NEW, SECRETS)))], {"u": NEW}, tokens={"u": "v1"})

    (value,) = tenant.look(NEW, token_version="v2")[0]

    assert value != str(Stamp.of(NEW, SECRETS))
    assert Stamp.parse(value) == Stamp.of(NEW, SECRETS)


@given(hashes=st.lists(st.sampled_from([OLD, NEW, "2" * 64]), min_size=1, max_size=6), ready=st.booleans())
def test_whatever_changes_in_the_end_the_pod_was_touched_for_the_last_state(*, hashes: list[str], ready: bool) -> None:
    tenant = Tenant([pod(ready=ready)], {"u": hashes[0]})
    tenant.look(hashes[0])
    for config_hash in hashes:
        tenant.look(config_hash)
        tenant.now += 0.1

    (final,) = tenant.pods
    if len(set(hashes)) > 1:
        assert Stamp.parse(final.refresh or "") == Stamp.of(hashes[-1], SECRETS)
    tenant.serves["u"] = hashes[-1]
    tenant.look(hashes[-1])
    assert tenant.look(hashes[-1]) == ([], None)
