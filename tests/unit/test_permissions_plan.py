"""What is decided about a path, and that a decision once carried out is the last."""

from __future__ import annotations

import stat
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.permissions.facts import Facts, Surroundings
from supervisor_maint.permissions.plan import Actor, Fix, Skip, plan
from supervisor_maint.permissions.standards import Standard, UnknownAccount, resolve
from tests.fakes.permission_passes import KEEPER, MALLORY, OWNERS, PRIVATE, SHARED, facts
from tests.fakes.permissions import rule

SETUID_FILE = 0o4755
SETGID_FOLDER = 0o2755


class Accounts:
    """A machine with one user and one group."""

    def user_id(self, name: str) -> int | None:
        return {"keeper": KEEPER}.get(name)

    def group_id(self, name: str) -> int | None:
        return {"keepers": KEEPER}.get(name)


def standard(**given: Any) -> Standard:
    wanted = {key: value for key, value in given.items() if value is not None}
    return resolve(rule("/srv/logs", recursive=True, **wanted), Accounts())


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ({"mode": "0644"}, {"mode": 0o644}, None),
        ({"mode": "0640"}, {"mode": 0o644}, {"mode": 0o640}),
        ({"file_mode": "0640"}, {"kind": stat.S_IFDIR, "mode": 0o777}, None),
        ({"dir_mode": "0755"}, {"kind": stat.S_IFDIR, "mode": 0o777}, {"mode": 0o755}),
        ({"owner": "keeper"}, {}, {"owner": KEEPER}),
        ({"owner": str(MALLORY)}, {}, {"owner": MALLORY}),
        ({"group": "keepers", "mode": "g+w"}, {}, {"group": KEEPER, "mode": 0o664}),
        ({"owner": "keeper"}, {"owner": KEEPER}, None),
        ({"owner": "keeper"}, {"mode": SETUID_FILE}, {"owner": KEEPER, "mode": 0o755}),
        ({"group": "keepers"}, {"mode": 0o2755}, {"group": KEEPER, "mode": 0o755}),
        ({"owner": "keeper"}, {"mode": SETUID_FILE, "owner": KEEPER}, None),
        (
            {"owner": "keeper", "mode": "u+w"},
            {"mode": SETUID_FILE},
            {"owner": KEEPER, "mode": 0o755},
        ),
        (
            {"owner": "keeper"},
            {"kind": stat.S_IFDIR, "mode": SETGID_FOLDER},
            {"owner": KEEPER},
        ),
        ({"mode": "u=rwX,g=rX,o="}, {"mode": 0o644}, {"mode": 0o640}),
    ],
)
def test_fix_holds_only_what_differs(
    wanted: dict[str, Any], found: dict[str, Any], expected: dict[str, int] | None
) -> None:
    """A fix names what is to change and nothing else, and what is right needs none."""
    seen = facts(**found)

    assert (expected and Fix(facts=seen, **expected)) == plan(standard(**wanted), seen, SHARED)


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK]
)
def test_only_files_and_folders_are_touched(kind: int) -> None:
    """Links, FIFOs, sockets and devices are left alone, in whoever's folder they are."""
    decision = plan(standard(mode="0600"), facts(kind), PRIVATE)

    assert isinstance(decision, Skip)
    assert decision.reason.endswith("only regular files and folders are changed")


@pytest.mark.parametrize(
    ("around", "found", "is_touched"),
    [
        (PRIVATE, {}, True),
        (PRIVATE, {"owner": KEEPER}, True),
        (OWNERS, {"owner": KEEPER}, True),
        (OWNERS, {}, False),  # the owner could have given a name to a file of root's
        (PRIVATE, {"owner": MALLORY}, False),
        (PRIVATE, {"mode": 0o664}, False),
        (PRIVATE, {"mode": 0o646}, False),
        (SHARED, {}, False),
        (SHARED, {"owner": KEEPER}, False),
    ],
)
def test_file_with_several_names_is_touched_only_out_of_reach(
    around: Surroundings, found: dict[str, int], is_touched: bool
) -> None:
    """A hard link is mended only where nobody else can have made it (CVE-2017-18188).

    Elsewhere its drift is drift that stays: nobody evades a rule by a second name of his file.
    """
    seen = facts(links=2, **found)
    decision = plan(standard(owner="keeper", mode="0600"), seen, around)
    alone = plan(standard(owner="keeper", mode="0600"), attrs.evolve(seen, links=1), around)

    assert is_touched == isinstance(decision, Fix)
    assert isinstance(alone, Fix)
    if isinstance(decision, Skip):
        assert attrs.evolve(alone, facts=seen) == decision.drift


def test_file_with_several_names_that_is_right_is_right() -> None:
    """Nothing is told of a hard link that has nothing to mend."""
    assert plan(standard(mode="0644"), facts(links=2), SHARED) is None


def test_folder_has_one_name() -> None:
    """The links of a folder count what is in it, and are no danger."""
    decision = plan(standard(mode="0700"), facts(stat.S_IFDIR, 0o755), SHARED)

    assert isinstance(decision, Fix)


@pytest.mark.parametrize("key", ["owner", "group", "trust_owner"])
def test_unknown_account_is_a_sentence(key: str) -> None:
    """A rule that names nobody of this machine says so."""
    with pytest.raises(UnknownAccount, match=r"there is no .* 'ghost' on this machine"):
        standard(**{"mode": "0644", key: "ghost"})


def test_trusted_are_root_the_owner_ourselves_and_who_is_named() -> None:
    """A base folder may belong to four kinds of users."""
    found = resolve(rule("/srv/x", owner="keeper", trust_owner=str(MALLORY)), Accounts(), user=1000)

    assert {0, KEEPER, MALLORY, 1000} == found.trusted
    assert {0, KEEPER} == found.keepers


@pytest.mark.parametrize(
    ("user", "groups", "fix", "share", "lacking"),
    [
        (0, (), {"owner": 5, "mode": 0o600}, {"owner": 5, "mode": 0o600}, None),
        (7, (), {"mode": 0o600}, {"mode": 0o600}, None),
        (7, (8,), {"group": 8, "mode": 0o600}, {"group": 8, "mode": 0o600}, None),
        (7, (), {"group": 8, "mode": 0o600}, {"mode": 0o600}, "root"),
        (7, (), {"owner": 5, "mode": 0o600}, {"mode": 0o600}, "root"),
        (9, (), {"mode": 0o600}, {}, "root or user 7"),
        (9, (), {"owner": 9}, {}, "root"),
    ],
)
def test_without_root_what_can_be_done_is_done(
    user: int,
    groups: tuple[int, ...],
    fix: dict[str, int],
    share: dict[str, int],
    lacking: str | None,
) -> None:
    """A user mends the mode of his files and gives them to his groups, as the kernel lets him."""
    actor, seen = Actor(user, frozenset(groups)), facts(owner=7)

    assert Fix(facts=seen, **share) == actor.share_of(Fix(facts=seen, **fix))
    assert lacking == actor.lacks_for(Fix(facts=seen, **fix))


def test_roots_own_file_needs_root_alone() -> None:
    """Of a file of root's nobody is told that a second one called user 0 could mend it."""
    wanted = Fix(facts=facts(owner=0), mode=0o600)

    assert "root" == Actor(9, frozenset()).lacks_for(wanted)


@pytest.mark.parametrize(
    ("before", "groups", "fix", "share"),
    [
        (0o755, (8,), {"mode": 0o2755}, {"mode": 0o2755}),
        (0o755, (), {"mode": 0o2755}, {}),
        (0o700, (), {"mode": 0o2755}, {"mode": 0o755}),
        (0o2777, (), {"mode": 0o2755}, {}),  # it would lose what it has and should keep
        (0o2777, (), {"mode": 0o755}, {"mode": 0o755}),
        (0o755, (9,), {"group": 9, "mode": 0o2755}, {"group": 9, "mode": 0o2755}),
        (0o700, (8,), {"group": 9, "mode": 0o2755}, {"mode": 0o2755}),
    ],
)
def test_without_root_setgid_needs_its_group(
    before: int, groups: tuple[int, ...], fix: dict[str, int], share: dict[str, int]
) -> None:
    """Who is not in a folder's group cannot set its setgid, and loses it by any chmod."""
    actor, seen = Actor(7, frozenset(groups)), facts(stat.S_IFDIR, before, owner=7, group=8)
    wanted = Fix(facts=seen, **fix)

    assert Fix(facts=seen, **share) == actor.share_of(wanted)
    assert (None if fix == share else "root") == actor.lacks_for(wanted)


_ids = st.sampled_from([0, KEEPER, MALLORY])
_facts = st.builds(
    Facts,
    device=st.just(1),
    inode=st.just(1),
    mode=st.builds(
        lambda kind, mode: kind | mode,
        st.sampled_from([stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK]),
        st.integers(0, 0o7777),
    ),
    links=st.integers(1, 2),
    owner=_ids,
    group=_ids,
)
_standards = st.builds(
    lambda owner, group, mode: standard(
        owner=owner, group=group, mode=mode or (None if owner or group else "0600")
    ),
    st.sampled_from([None, "keeper"]),
    st.sampled_from([None, "keepers"]),
    st.sampled_from([None, "0644", "0755", "u=rwX,g=rX,o=", "go-w", "u+x"]),
)


@given(_standards, _facts, st.sampled_from([PRIVATE, OWNERS, SHARED]))
def test_mended_is_mended(wanted: Standard, seen: Facts, around: Surroundings) -> None:
    """What a fix leaves behind needs no further one."""
    decision = plan(wanted, seen, around)
    if isinstance(decision, Fix):
        assert plan(wanted, decision.outcome, around) is None


@given(_standards, _facts)
def test_way_back_leads_back(wanted: Standard, seen: Facts) -> None:
    """The reverse of a fix makes what there was of what it made."""
    decision = plan(wanted, seen, PRIVATE)
    if isinstance(decision, Fix):
        assert (decision.outcome, seen) == (decision.reverse.facts, decision.reverse.outcome)


@given(_standards, _facts, st.sampled_from([PRIVATE, OWNERS, SHARED]))
def test_no_fix_gives_away_setuid(wanted: Standard, seen: Facts, around: Surroundings) -> None:
    """No file has setuid or setgid after its owner or group changed."""
    decision = plan(wanted, seen, around)
    if (
        isinstance(decision, Fix)
        and seen.is_file
        and (decision.owner, decision.group) != (None,) * 2
    ):
        assert 0 == decision.wanted_mode & (stat.S_ISUID | stat.S_ISGID)


@given(_standards, _facts)
def test_right_depends_on_marks_alone(wanted: Standard, seen: Facts) -> None:
    """The answer "right" can be remembered for a mode, an owner and a group."""
    if plan(wanted, seen, SHARED) is None:
        twin = attrs.evolve(seen, inode=9, links=2)

        assert plan(wanted, twin, SHARED) is None
