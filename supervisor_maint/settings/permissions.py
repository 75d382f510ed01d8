"""``[permissions:…]``: what files and folders should have. No I/O here.

What a rule may be is the business of the permissions package, which is loaded when there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from supervisor_maint.settings import words
from supervisor_maint.settings.options import Naming, option, section

if TYPE_CHECKING:
    from supervisor_maint.permissions.modes import Mode
    from supervisor_maint.permissions.rules import Rule


def _mode(text: str) -> Mode:
    from supervisor_maint.permissions.modes import Mode

    return Mode.parse(text)


@section("permissions", Naming.ALWAYS)
@attrs.frozen(kw_only=True)
class PermissionsSection:
    """Owner, group and mode of the files and folders at a path, put right at every TICK_3600.

    Of two sections about the same path the later one wins.
    """

    name: str = "permissions"
    path: str = option(
        words.text,
        required=True,
        help="An absolute path; `*`, `?` and `[...]` stay within a name, `**` is any depth. Or "
        "`supervisor:logs`: the log files that supervisord says its programs have.",
        example="/var/log/supervisor/*.log",
    )
    recursive: bool = option(
        words.boolean,
        default="false",
        help="Whether everything below is meant too.",
        example="true",
    )
    owner: str | None = option(
        words.text,
        default_words="as it is",
        help="Whose it should be, by name or number; needs root.",
        example="supervisor",
    )
    group: str | None = option(
        words.text,
        default_words="as it is",
        help="Which group's it should be, by name or number.",
        example="adm",
    )
    mode: Mode | None = option(
        _mode,
        default_words="as it is",
        help="As chmod has it, octal or symbolic; nothing that lets everybody write.",
        example="0644",
    )
    dir_mode: Mode | None = option(
        _mode,
        default_words="as it is",
        help="The mode of folders alone, instead of `mode`.",
        example="2750",
    )
    file_mode: Mode | None = option(
        _mode,
        default_words="as it is",
        help="The mode of files alone, instead of `mode`.",
        example="u=rw,g=r,o=",
    )
    include: tuple[str, ...] | None = option(
        words.patterns,
        default_words="everything",
        help="What of it is changed: patterns of names, or with a `/` of paths from the base.",
        example="*.log, *.err",
    )
    exclude: tuple[str, ...] | None = option(
        words.patterns,
        default_words="nothing",
        help="What is left out, with everything below it: patterns as in `include`.",
        example="*.gz",
    )
    missing: str = option(
        words.choice({"ignore": "ignore", "report": "report"}),
        default="ignore",
        help="Nothing is there: `ignore` or `report` it.",
        example="report",
    )
    enabled: bool = option(
        words.boolean, default="true", help="Whether the rule counts.", example="false"
    )
    trust_owner: str | None = option(
        words.text,
        default_words="root and `owner`",
        help="Whom the base folder may belong to besides root and `owner`, by name or number.",
        example="deploy",
    )

    def __attrs_post_init__(self) -> None:
        self.rule()

    def rule(self) -> Rule:
        """Return it as the rule it is.

        Raises SettingsError with every reason against it, each at its key.
        """
        from supervisor_maint.permissions.rules import Missing, Rule

        return Rule(
            name=self.name,
            path=self.path,
            owner=self.owner,
            group=self.group,
            mode=self.mode,
            dir_mode=self.dir_mode,
            file_mode=self.file_mode,
            recursive=self.recursive,
            include=self.include or (),
            exclude=self.exclude or (),
            missing=Missing(self.missing),
            is_enabled=self.enabled,
            trust_owner=self.trust_owner,
        )
