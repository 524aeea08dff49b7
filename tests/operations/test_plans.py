"""What stands in a plan's params is read with its type, or not at all."""

import pytest

from app.core.errors import Invalid
from app.operations import listed


def test_a_list_is_read_with_the_type_of_its_items():
    """JSON gives lists, a plan that was just made may hold tuples: both are read."""
    assert listed({"gaps": [4, 7]}, "gaps", int) == [4, 7]
    assert listed({"rows": ({"line": 1},)}, "rows", dict) == [{"line": 1}]
    assert listed({"gaps": []}, "gaps", int) == []


@pytest.mark.parametrize("params", [{}, {"gaps": None}, {"gaps": "47"}, {"gaps": [4, "7"]}, {"gaps": {"4": 7}}])
def test_a_list_that_another_program_changed_is_refused(params):
    """Half a list would be half a repair."""
    with pytest.raises(Invalid, match=r"“gaps” of this plan is not a list"):
        listed(params, "gaps", int)
