"""The pages of lineage: what there is, one node with what is near it, and what is not resolved."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest

from lockgate.app.lineage import FoundLineage
from lockgate.app.service import Service
from lockgate.core.lineage import LineageNode, NodeKind
from lockgate.lineage import Graph, trace
from lockgate.server.console.lineage_picture import MOST_BOXES
from lockgate.server.console.listing import ROWS

FILES = {
    "lockgate.yml": """
project: shop
sources:
  files: {kind: csv, streams: {orders: {path: orders.csv, columns: {id: bigint, amount: bigint, state: text}}}}
entities:
  orders:
    key: [id]
    contract: {id: bigint, amount: bigint}
    implementations: {old: {rules: orders.yml}, new: {dbt: dbt, model: orders}}
    route: {incumbent: old, candidate: new, stage: shadow}
""",
    "orders.yml": "entity: orders\nfrom: raw.orders\nrules: [{rename: {id: id}}]\noutput: [id, amount]\n",
    "orders.csv": "id,amount,state\n1,10,open\n",
    "dbt/dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\n",
    "dbt/models/all.yml": "sources: [{name: raw, schema: raw, tables: [{name: orders}]}]\n"
    "exposures: [{name: board, type: dashboard, owner: {name: Ann}, depends_on: [ref('größen')]}]\n",
    "dbt/models/orders.sql": "select id, amount from {{ source('raw', 'orders') }} where state = 'open'\n",
    "dbt/models/größen.sql": "select amount as \"straße/nr@1 & ü\", id from {{ ref('orders') }}\n",
}
CHAIN = ["stream.shop.files.orders", "source.shop.raw.orders", "model.shop.orders", "model.shop.größen"]


@pytest.fixture
def folder(tmp_path):
    """A project that nothing was run of."""
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "shop"


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Pages wait for lineage however slow the machine is."""
    monkeypatch.setattr("lockgate.server.console.lineage.PATIENCE_SECONDS", 60)


def at(name: str, **asked: object) -> str:
    given = {"name": name, **asked}
    return "/lineage/node?" + "&".join(f"{key}={quote_plus(str(value))}" for key, value in given.items())


def nodes_in(page) -> set[str]:
    """The names of the nodes that a page leads to, read out of its addresses."""
    split = [urlsplit(link) for link in page.links if link.startswith("/lineage/node?")]
    return {parse_qs(one.query)["name"][0] for one in split if "column" not in parse_qs(one.query)}


def test_every_node_is_listed_with_counts_and_found_by_kind_and_name(look):
    page, models, found = look("/lineage"), look("/lineage?kind=model"), look("/lineage?text=GRÖSSEN&kind=")
    near = look("/lineage?text=GRÖßEN")

    assert nodes_in(page) == {*CHAIN, "exposure.shop.board", "rules.shop.orders.old", "served.shop.orders"}
    assert "dbt model 2" in page.words
    assert "dashboard 1" in page.words
    assert "edges 7" in page.words
    assert "not resolved 0" in page.words
    assert nodes_in(models) == {"model.shop.orders", "model.shop.größen"}
    assert nodes_in(found) == nodes_in(near) == {"model.shop.größen"}
    assert "No node is like that." in look("/lineage?text=nothing").words
    assert "kind" in look("/lineage?kind=cube", status=422).words


def test_a_node_is_drawn_among_its_neighbours_each_a_link_and_listed_likewise(look):
    page = look(at("model.shop.orders", up=1, down=4))
    drawn = [one["href"] for tag, one in page.tags if tag == "a" and "up=1" in (one["href"] or "")]

    assert nodes_in(page) >= {
        "source.shop.raw.orders",
        "model.shop.größen",
        "served.shop.orders",
        "exposure.shop.board",
    }
    assert "stream.shop.files.orders" not in nodes_in(page)
    assert "1 step upstream source.shop.raw.orders" in page.words
    assert "2 steps downstream exposure.shop.board ( dashboard )" in page.words.replace("(dashboard)", "( dashboard )")
    neighbours = {"source.shop.raw.orders", "model.shop.größen", "served.shop.orders", "exposure.shop.board"}
    for name in neighbours:  # in the picture, and in the list
        assert sum(parse_qs(urlsplit(one).query)["name"] == [name] for one in drawn) == 2
    assert {"/lineage", "/entities/orders"} <= page.links
    assert "1 dashboard exposure.shop.board" in page.words


def test_a_node_can_be_walked_to_from_a_stream_to_a_dashboard(look):
    here, path = CHAIN[0], []
    for there in [*CHAIN[1:], "exposure.shop.board"]:
        page = look(at(here, up=0, down=1))
        (link,) = {one for one in page.links if one == at(there, up=0, down=1)}
        path.append(parse_qs(urlsplit(link).query)["name"][0])
        here = there

    assert path == [*CHAIN[1:], "exposure.shop.board"]
    assert "It has none." in look(at(here)).words


def test_a_column_tells_what_it_is_made_of_and_what_it_reaches_by_value_or_by_a_filter(look):
    page = look(at("model.shop.orders", column="amount"))

    words = page.words
    assert "source.shop.raw.orders amount by value" in words
    assert "stream.shop.files.orders amount by value" in words
    assert "source.shop.raw.orders state by a filter, join or group" in words
    assert "model.shop.größen straße/nr@1 & ü by value" in words
    assert "served.shop.orders amount by value" in words
    assert "value: amount; filter: state" in words
    filtered = look(at("source.shop.raw.orders", column="state")).words
    assert "model.shop.orders amount by a filter, join or group" in filtered
    assert "1 dashboard exposure.shop.board" in filtered


def test_names_of_any_letters_are_kept_in_addresses(look):
    page = look(at("model.shop.größen", column="straße/nr@1 & ü"))

    assert "What straße/nr@1 & ü is made of" in page.words
    assert "model.shop.orders amount by value" in page.words
    assert at("model.shop.größen", column="straße/nr@1 & ü", up=2, down=2) in page.links


def test_a_node_or_column_that_is_not_there_is_told(look):
    assert "There is nothing of that name" in look(at("nobody"), status=404).words
    assert "There is nothing of that name" in look(at("model.shop.orders", column="nothing"), status=404).words
    assert "up" in look(at("model.shop.orders", up=9), status=422).words
    assert "Which node?" in look("/lineage/node").words


def test_an_entity_and_its_node_lead_to_each_other(look):
    assert at("served.shop.orders") in look("/entities/orders").links
    assert "/entities/orders" in look(at("served.shop.orders")).links


def test_a_dbt_project_that_cannot_be_parsed_is_told_with_what_to_do(folder, look):
    (folder / "dbt/dbt_project.yml").write_text("name: [", encoding="utf-8")

    page = look("/lineage")

    assert "orders@new is not read:" in page.words
    assert "dbt.shop.orders.new" in nodes_in(page)
    assert "dbt.shop.orders.new" in nodes_in(look("/lineage/unresolved"))


def test_models_that_stand_on_each_other_are_told(folder, look):
    (folder / "dbt/models/orders.sql").write_text("select id, amount from {{ ref('größen') }}\n", encoding="utf-8")

    page = look("/lineage/unresolved")

    assert "itself" in page.words or "ycle" in page.words


def test_dbt_that_is_not_installed_is_told_with_what_to_do(look, monkeypatch):
    monkeypatch.setattr("lockgate.adapters.registry.is_installed", lambda extra: extra != "dbt")

    assert "pip install 'lockgate[dbt]'" in look("/lineage").words


class TestOfAProjectThatDeclaresNothing:
    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "lockgate.yml").write_text("project: empty\n", encoding="utf-8")
        return tmp_path

    def test_the_page_says_so(self, look):
        assert "The project declares nothing yet" in look("/lineage").words
        assert "Everything is resolved." in look("/lineage/unresolved").words


class Known:
    """Lineage that was worked out before, or waits until it may be."""

    def __init__(self, found: FoundLineage) -> None:
        self._found = found
        self.may_go_on = threading.Event()

    def found(self) -> FoundLineage:
        assert self.may_go_on.wait(60)
        return self._found


def large() -> FoundLineage:
    """A hundred sources, and seven hundred models in layers, each of which reads two; all of a layer read the same."""
    columns = tuple(f"c{at}" for at in range(20))
    nodes = [
        LineageNode(f"source.shop.s{at}", NodeKind.SOURCE, ("raw", f"s{at}"), columns, True, dialect="duckdb")
        for at in range(100)
    ]
    for layer in range(7):
        for at in range(100):
            one, other = (f"m{layer - 1}_{each}" if layer else f"s{each}" for each in (0, at))
            read = "main" if layer else "raw"
            chosen = ", ".join(f"b.{name}" for name in columns)
            sql = f"select {chosen} from {read}.{one} a join {read}.{other} b on a.c1 = b.c1"
            kind = "model" if layer else "source"
            parents = (f"{kind}.shop.{one}", f"{kind}.shop.{other}")
            name = f"m{layer}_{at}"
            place = ("main", name)
            nodes.append(
                LineageNode(f"model.shop.{name}", NodeKind.MODEL, place, sql=sql, parents=parents, dialect="duckdb")
            )
    return FoundLineage(Graph(trace(nodes)), (), 0)


@pytest.fixture(scope="module")
def known_large():
    known = Known(large())
    known.may_go_on.set()
    return known


class TestOfSevenHundredModels:
    """However many there are, a page stays small."""

    @pytest.fixture
    def service(self, folder, known_large):
        class Large(Service):
            lineage = known_large

        opened = Large.open(folder)
        yield opened
        opened.close()

    def test_the_list_goes_on_behind_its_last_node(self, look):
        page = look("/lineage")
        (more,) = (link for link in page.links if "before=" in link)

        assert "800 nodes" in page.words
        assert len(nodes_in(page)) == ROWS
        assert nodes_in(look(more)).isdisjoint(nodes_in(page))

    def test_a_picture_has_so_many_boxes_at_most_and_leads_to_the_others(self, client, look):
        path = at("model.shop.m3_0", up=4, down=3, column="c1")
        page = look(path)
        boxes = [one for one in page.of("rect") if "k-" in (one["class"] or "")]
        (more,) = {link for link in page.links if link.startswith("/lineage?of=model.shop.m3_0&way=down&level=1")}

        assert len(boxes) == 4 + 1 + (MOST_BOXES + 1) * 3
        assert "and 90 more" in page.words
        assert len(nodes_in(look(more)) - {"model.shop.m3_0"}) == ROWS
        assert "100 nodes of that kind or name" in look(more).words
        assert len(client.get(path, headers={"Accept": "text/html"}).content) < 200_000


class Watched(Mapping[str, LineageNode]):
    """Nodes that note in which threads they are looked at."""

    def __init__(self, nodes: Mapping[str, LineageNode]) -> None:
        self._nodes = nodes
        self.threads: set[str] = set()

    def _noted(self) -> Mapping[str, LineageNode]:
        self.threads.add(threading.current_thread().name.partition("_")[0])
        return self._nodes

    def __getitem__(self, name: str) -> LineageNode:
        return self._noted()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._noted())

    def __len__(self) -> int:
        return len(self._noted())


class TestWhereNodesAreLookedAt:
    """Beside the event loop alone: there are thousands, and others wait for an answer meanwhile."""

    @pytest.fixture
    def watched(self):
        return Watched(trace([LineageNode("model.shop.a", NodeKind.MODEL, why_unread="nobody can")]).nodes)

    @pytest.fixture
    def service(self, folder, watched):
        known = Known(FoundLineage(Graph(replace(trace(()), nodes=watched)), (), 0))
        known.may_go_on.set()

        class Small(Service):
            lineage = known

        opened = Small.open(folder)
        yield opened
        opened.close()

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/lineage", 200),
            ("/lineage?of=model.shop.a", 200),
            (at("model.shop.a"), 200),
            (at("modal.shop.a"), 404),
            ("/lineage/unresolved", 200),
        ],
    )
    def test_no_page_looks_at_them_in_the_event_loop(self, look, watched, path, status):
        assert "model.shop.a" in look(path, status=status).words
        assert watched.threads == {"lockgate-api"}

    def test_what_was_prepared_is_not_counted_anew(self, watched):
        graph = Graph(replace(trace(()), nodes=watched))
        graph.prepare()
        watched.threads.clear()

        assert (len(graph.node_edges), [one.reason for one in graph.unresolved]) == (0, ["nobody can"])
        assert watched.threads == set()


class TestWhileItIsWorkedOut:
    @pytest.fixture
    def known(self):
        return Known(FoundLineage(Graph(trace(())), (), 0))

    @pytest.fixture
    def service(self, folder, known, monkeypatch):
        monkeypatch.setattr("lockgate.server.console.lineage.PATIENCE_SECONDS", 0.05)

        class Slow(Service):
            lineage = known

        opened = Slow.open(folder)
        yield opened
        known.may_go_on.set()
        opened.close()

    def test_the_page_says_so_and_then_shows_it(self, look, client, known):
        waiting = look("/lineage")
        known.may_go_on.set()
        with client.stream("GET", "/lineage/live") as stream:
            told = "".join(stream.iter_text())

        assert "Lineage is being worked out" in waiting.words
        assert ("main", "/lineage/live") in {("main", one.get("data-live")) for one in waiting.of("section")}
        assert "data-again" in told
        assert told.endswith("event: end\ndata: \n\n")
        assert "The project declares nothing yet" in look("/lineage").words
