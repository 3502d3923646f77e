from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.api.v1alpha1.quantity import amount, canonical

NUMBERS = st.one_of(
    st.integers(0, 10**15).map(str), st.decimals(0, 10**6, places=3, allow_nan=False).map("{:f}".format)
)
SUFFIXES = st.sampled_from(["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
QUANTITIES = st.builds("{}{}".format, NUMBERS, SUFFIXES)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1000M", "1G"),
        ("1Gi", "1Gi"),
        ("1536Gi", "1536Gi"),
        ("1073741824", "1073741824"),
        ("1000000000", "1G"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("2500m", "2500m"),
        ("0.25Ki", "256"),
        ("0", "0"),
        ("007Gi", "7Gi"),
        (".5Gi", "512Mi"),
    ],
)
def test_a_quantity_is_written_as_the_api_server_prints_it(written: str, stored: str) -> None:
    assert canonical(written) == stored


@given(QUANTITIES)
def test_writing_a_quantity_anew_changes_nothing_twice_and_loses_nothing(quantity: str) -> None:
    once = canonical(quantity)

    assert canonical(once) == once
    assert 0 <= amount(once) - amount(quantity) < Fraction(1, 1000)


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("1Ei", 2**60),
        ("5e-1", Fraction(1, 2)),
        ("1500u", Fraction(3, 2000)),
    ],
)
def test_what_only_others_write_can_be_read_too(quantity: str, number: Fraction) -> None:
    assert amount(quantity) == number


@pytest.mark.parametrize("text", ["", "Gi", "1GB", "-1", "1 Gi", "1gi", "1.2.3", "1Gi\n"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        amount(text)
