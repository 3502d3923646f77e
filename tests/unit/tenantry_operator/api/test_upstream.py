from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.api.v1alpha1.upstream import (
    Host,
    Internet,
    Named,
    Obstacle,
    Pods,
    ServiceFacts,
    ServiceName,
    ServicePort,
    Unresolved,
    named,
    resolved,
)
from tests.unit.tenantry_operator.specs import base_urls

SERVICE = ServiceName("other", "proxy", 80)
FACTS = ServiceFacts({"app": "proxy"}, (ServicePort(80, "http"), ServicePort(81, 8080)))


def of(url: str | None) -> Named | None:
    return named(url, "team-a", "cluster.local")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://proxy", ServiceName("team-a", "proxy", 80)),
        ("https://proxy", ServiceName("team-a", "proxy", 443)),
        ("http://Proxy.Other:81/v1", ServiceName("other", "proxy", 81, surely=False)),
        ("http://proxy.other.svc", ServiceName("other", "proxy", 80)),
        ("http://proxy.other.svc.", ServiceName("other", "proxy", 80)),
        ("http://proxy.other.svc.cluster.local", ServiceName("other", "proxy", 80)),
        ("http://proxy-0.proxy.other.svc", ServiceName("other", "proxy", 80)),
        ("http://proxy.other.svc.cluster.example", Internet("proxy.other.svc.cluster.example", 80)),
        ("https://api.anthropic.com", Internet("api.anthropic.com", 443)),
        ("https://a_b.c", Internet("a_b.c", 443)),
        ("http://10.1.2.3:8080", Host(ip_address("10.1.2.3"), 8080)),
        ("http://[FD00::0:1]", Host(ip_address("fd00::1"), 80)),
        ("http://8.8.8.8", Host(ip_address("8.8.8.8"), 80)),
    ],
)
def test_a_host_is_told_by_its_spelling(url: str, found: Named) -> None:
    assert of(url) == found


def test_without_a_url_there_is_nothing_to_find() -> None:
    assert of(None) is None
    assert resolved(None, None) is None


@pytest.mark.parametrize(
    ("host", "obstacle"),
    [
        ("localhost", Obstacle.ADDRESS_REFUSED),
        ("api.localhost", Obstacle.ADDRESS_REFUSED),
        ("127.0.0.1", Obstacle.ADDRESS_REFUSED),
        ("0.0.0.0", Obstacle.ADDRESS_REFUSED),  # noqa: S104 - an address to refuse
        ("169.254.169.254", Obstacle.ADDRESS_REFUSED),
        ("100.100.100.200", Obstacle.ADDRESS_REFUSED),
        ("168.63.129.16", Obstacle.ADDRESS_REFUSED),
        ("192.0.0.192", Obstacle.ADDRESS_REFUSED),
        ("224.0.0.1", Obstacle.ADDRESS_REFUSED),
        ("255.255.255.255", Obstacle.ADDRESS_REFUSED),
        ("[::1]", Obstacle.ADDRESS_REFUSED),
        ("[::ffff:169.254.169.254]", Obstacle.ADDRESS_REFUSED),
        ("[64:ff9b::a9fe:a9fe]", Obstacle.ADDRESS_REFUSED),
        ("[2002:a9fe:a9fe::]", Obstacle.ADDRESS_REFUSED),
        ("[fd00:ec2::254]", Obstacle.ADDRESS_REFUSED),
        ("[fd20:ce::254]", Obstacle.ADDRESS_REFUSED),
        ("[fe80::1%25eth0]", Obstacle.ADDRESS_REFUSED),
        ("[fd00::1%25eth0]", Obstacle.ADDRESS_REFUSED),
        ("cluster.local", Obstacle.NO_SERVICE_NAME),
        ("svc", Obstacle.NO_SERVICE_NAME),
        ("proxy.svc", Obstacle.NO_SERVICE_NAME),
        ("a.b.c.d.svc", Obstacle.NO_SERVICE_NAME),
        ("10-1-2-3.other.pod.cluster.local", Obstacle.NO_SERVICE_NAME),
    ],
)
def test_what_no_api_is_at_is_refused(host: str, obstacle: Obstacle) -> None:
    found = of(f"http://{host}")

    assert isinstance(found, Unresolved)
    assert found.obstacle is obstacle


def test_a_service_leads_to_its_pods_at_their_own_port() -> None:
    assert resolved(SERVICE, FACTS) == Pods(SERVICE, {"app": "proxy"}, "http")
    assert resolved(ServiceName("other", "proxy", 81), FACTS) == Pods(
        ServiceName("other", "proxy", 81), {"app": "proxy"}, 8080
    )


def test_a_headless_service_translates_no_port() -> None:
    headless = ServiceFacts({"app": "proxy"}, (), headless=True)

    assert resolved(SERVICE, headless) == Pods(SERVICE, {"app": "proxy"}, 80)


@pytest.mark.parametrize(
    ("facts", "obstacle"),
    [
        (None, Obstacle.SERVICE_MISSING),
        (ServiceFacts({}, (ServicePort(80, 80),)), Obstacle.SERVICE_WITHOUT_SELECTOR),
        (ServiceFacts({"app": "x"}, (ServicePort(81, 81),)), Obstacle.SERVICE_PORT_MISSING),
    ],
)
def test_a_service_that_leads_nowhere_is_named(facts: ServiceFacts | None, obstacle: Obstacle) -> None:
    assert resolved(SERVICE, facts) == Unresolved(obstacle, "proxy.other", 80, SERVICE)


def test_an_alias_is_a_name_on_the_internet() -> None:
    alias = ServiceFacts({}, (), alias=True)

    assert resolved(SERVICE, alias) == Internet("proxy.other", 80)


def test_a_name_that_may_be_a_services_is_one_only_where_the_service_exists() -> None:
    unsure = ServiceName("com", "example", 8443, surely=False)

    assert resolved(unsure, None) == Internet("example.com", 8443)
    assert resolved(unsure, None, known=False) == Internet("example.com", 8443)
    assert resolved(unsure, ServiceFacts({"a": "b"}, (ServicePort(8443, 1),))) == Pods(unsure, {"a": "b"}, 1)


def test_a_service_that_cannot_be_looked_at_is_unknown() -> None:
    assert resolved(SERVICE, None, known=False) == Unresolved(Obstacle.SERVICE_UNKNOWN, "proxy.other", 80, SERVICE)


@given(base_urls, st.sampled_from([None, FACTS]), st.booleans())
def test_every_url_leads_somewhere_or_says_why_not(url: str, facts: ServiceFacts | None, known: bool) -> None:
    assert isinstance(resolved(of(url), facts, known=known), Pods | Host | Internet | Unresolved)
