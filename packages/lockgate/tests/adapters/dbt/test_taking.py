"""What templates take from an invocation is read from their syntax, as dbt's own Jinja parses it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lockgate.adapters.dbt.taking import Templates

OUTER = "{% macro outer() %}{{ inner() }}{% endmacro %}"
INNER = "{% macro inner() %}{{ run_started_at }}{% endmacro %}"
NOW = "{% macro hour(day) %}{{ day.now() }}{% endmacro %}"


def macro(text: str, *calls: str, package: str = "p"):
    name = text.removeprefix("{% macro ").partition("(")[0]
    return SimpleNamespace(
        name=name, package_name=package, macro_sql=text, depends_on=SimpleNamespace(macros=list(calls))
    )


def taken(text: str, *calls: str, macros=(), called=(), **config) -> tuple[str, ...]:
    manifest = SimpleNamespace(macros={f"macro.p.{one.name}": one for one in macros})
    node = SimpleNamespace(raw_code=text, depends_on=SimpleNamespace(macros=list(calls)), config=config)
    return Templates(manifest).names(node, called)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("select 1", ()),
        ("select '{{ invocation_id }}', '{{ thread_id }}', '{{ selected_resources }}'",
         ("invocation_id", "selected_resources", "thread_id")),
        ("{{ dbt_metadata_envs }}{{ invocation_args_dict.which }}", ("dbt_metadata_envs", "invocation_args_dict")),
        ("{{ env_var('A') | upper }}", ("env_var",)),
        ("{{ [1, 2] | random }}", ("the filter random",)),
        ("{{ lipsum(n=1) }}{{ self._TemplateReference__context['env_var'] }}", ("lipsum", "self")),
        ("{{ var('since', run_started_at) }}", ("run_started_at",)),
        ("{# {{ run_started_at }} #} run_started_at {{ 'run_started_at' }}", ()),
        ("{% raw %}{{ run_started_at }}{% endraw %}", ()),
        ("{% set env_var = 1 %}{{ env_var }}", ()),
        ("{% for thread_id in [1] %}{{ thread_id }}{% endfor %}", ()),
        ("{{ this.invocation_id }}", ()),
        ("{{ render('{' ~ '{ invocation_id }' ~ '}') }}", ("render",)),
        ("{{ context['invocation_id'] }}{{ context.env_var('A') }}", ("env_var", "invocation_id")),
        ("{{ builtins.get('run_started_at') }}", ("run_started_at",)),
        ("{{ context['modules'].datetime.date.today() }}", ("modules.datetime",)),
        ("{{ context['ref']('a') }}", ()),
        ("{{ flags.FULL_REFRESH }}", ()),
        ("{{ flags.WHICH }}{{ flags.INVOCATION_COMMAND }}", ("flags.INVOCATION_COMMAND", "flags.WHICH")),
        ("{{ modules.re.match('a', 'a') }}{{ modules.itertools.chain() }}", ()),
        ("{{ modules.pytz.utc }}", ("modules.pytz",)),
        ("{{ modules.datetime.datetime.now() }}", ("modules.datetime",)),
        ("{{ modules['datetime'].date.today() }}", ("modules.datetime",)),
        ("{% set m = modules %}{{ m['datetime']['datetime']['utcnow']() }}", ("modules.datetime",)),
        ("{{ modules.datetime.datetime.strptime('2024-01-31', '%Y-%m-%d') + modules.datetime.timedelta(days=1) }}", ()),
        ("{{ now }}", ()),
        ("{{ 1 | no_such_filter }}{{ env_var('A') }}", ("env_var",)),
    ],
)  # fmt: skip
def test_names_are_those_that_are_looked_up_outside_of_a_template(text, names) -> None:
    assert taken(text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{% if is_incremental() %}{{ run_started_at }}{% endif %}", ()),
        ("{% if dbt.is_incremental() %}{{ run_started_at }}{% endif %}", ()),
        ("{% if not is_incremental() %}{{ run_started_at }}{% endif %}", ("run_started_at",)),
        ("{% if not is_incremental() %}1{% else %}{{ run_started_at }}{% endif %}", ()),
        ("{% if is_incremental() %}1{% else %}{{ run_started_at }}{% endif %}", ("run_started_at",)),
        ("{% if is_incremental() and run_started_at %}1{% endif %}", ()),
        ("{% if execute and is_incremental() %}{{ run_started_at }}{% endif %}", ()),
        ("{% if is_incremental() or x %}{{ run_started_at }}{% endif %}", ("run_started_at",)),
        ("{% if x %}1{% elif is_incremental() %}{{ run_started_at }}{% else %}{{ thread_id }}{% endif %}",
         ("thread_id",)),
        ("{% if x %}{{ thread_id }}{% elif execute %}1{% else %}{{ run_started_at }}{% endif %}", ("thread_id",)),
        ("{% if not execute %}{{ run_started_at }}{% endif %}", ()),
        ("{{ run_started_at if is_incremental() else 1 }}", ()),
        ("{{ run_started_at if is_incremental() }}", ()),
        ("{{ run_started_at if x else 1 }}", ("run_started_at",)),
        ("{% if other.is_incremental() %}{{ run_started_at }}{% endif %}", ("run_started_at",)),
    ],
)  # fmt: skip
def test_a_branch_that_a_full_refresh_never_takes_does_not_count(text, names) -> None:
    assert taken(text) == names


@pytest.mark.parametrize("name", ["is_incremental", "should_full_refresh"])
def test_a_projects_own_word_for_a_full_refresh_is_not_known(name) -> None:
    text = "{% if is_incremental() %}{{ run_started_at }}{% endif %}"
    own = "{% macro " + name + "() %}{{ return(true) }}{% endmacro %}"

    assert taken(text, macros=[macro(own)]) == ("run_started_at",)
    assert taken(text, macros=[macro(own, package="dbt")]) == ()
    assert taken(text, full_refresh=False) == ("run_started_at",)


def test_macros_count_as_far_as_they_are_reached() -> None:
    macros = [macro(OUTER, "macro.p.inner"), macro(INNER, "macro.p.outer", "macro.p.gone")]

    assert taken("{{ outer() }}", "macro.p.outer", macros=macros) == ("run_started_at",)
    assert taken("{{ f() }}", macros=macros, called={"macro.p.inner"}) == ("run_started_at",)
    assert taken("select 1", macros=macros) == ()


def test_the_clock_may_be_read_in_another_macro_than_the_one_that_has_it() -> None:
    text = "{{ hour(modules.datetime.datetime) }}"

    assert taken(text, "macro.p.hour", macros=[macro(NOW)]) == ("modules.datetime",)
    assert taken(text) == ()
