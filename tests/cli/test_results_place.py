"""Results in a store appear whole or not at all, and nothing that is not vos's is replaced there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest
from stores import FaultyStore, faulty_store

from vos.cli.outcome import Outcome
from vos.cli.results_place import ResultsPlace, fetch_record, put_away, put_record
from vos.errors import VosError

FILES = {"masks/0.png": b"0", "masks/1.png": b"11", "summary.json": b"{}"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    """An empty store."""
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "cache"))
    with faulty_store() as store:
        yield store


def make(place: ResultsPlace, files: dict[str, bytes] = FILES, request: str = "r", overwrite: bool = False) -> Outcome:
    """Makes results, as a run would."""

    def work() -> Outcome:
        for name, data in files.items():
            (place.path / name).parent.mkdir(parents=True, exist_ok=True)
            (place.path / name).write_bytes(data)
        return Outcome(2, (place.path / "masks",))

    return put_away(place, lambda: request, work, overwrite)


def there(store: FaultyStore) -> dict[str, bytes]:
    """What the store holds, without what vos notes."""
    names = [name for name in store.find("/b/x") if ".vos" not in name]
    return {name.removeprefix("/b/x/"): store.cat_file(name) for name in names}


def test_places_on_this_disk_stay_as_they_are(tmp_path: Path) -> None:
    place = ResultsPlace.of(tmp_path)
    assert (place / PurePath("a")).path == tmp_path / "a"
    assert make(place).outputs == (tmp_path / "masks",)
    assert place.read("summary.json") == "{}"


def test_results_are_put_away_whole_and_not_made_again(store: FaultyStore, tmp_path: Path) -> None:
    place = ResultsPlace.of("faulty://b") / PurePath("x")
    assert make(place).outputs == ("faulty://b/x/masks",)
    assert there(store) == FILES
    assert not place.path.exists()
    again = make(place)
    assert (again.was_there, again.frames) == (True, 2)
    assert not make(place, overwrite=True).was_there
    assert not make(place, {"summary.json": b"{ }"}, "other").was_there
    assert there(store) == {"summary.json": b"{ }"}  # what the other request has not is gone


def test_results_of_which_something_is_missing_are_made_again(store: FaultyStore) -> None:
    place = ResultsPlace.of("faulty://b/x")
    make(place)
    store.rm_file("/b/x/masks/1.png")
    assert not make(place).was_there
    assert there(store) == FILES


@pytest.mark.parametrize("puts", [0, 1, 2])
def test_a_store_that_refuses_gets_nothing_and_the_results_stay(store: FaultyStore, puts: int) -> None:
    place = ResultsPlace.of("faulty://b/x")
    FaultyStore.puts_left = puts
    with pytest.raises(VosError, match=r"faulty://b/x: the store fails \(no space in the bucket\); try again later"):
        make(place)
    assert there(store) == {}
    assert (place.path / "summary.json").exists()
    FaultyStore.puts_left = 9
    make(place)
    assert there(store) == FILES


def test_files_of_others_are_not_replaced(store: FaultyStore) -> None:
    store.pipe("/b/x/masks/1.png", b"mine")
    with pytest.raises(VosError, match="holds files that no run of vos has put there; choose another output_dir"):
        make(ResultsPlace.of("faulty://b/x"))
    store.rm_file("/b/x/masks/1.png")
    make(ResultsPlace.of("faulty://b/x"))
    store.pipe("/b/x/masks/1.png", b"mine")
    with pytest.raises(VosError, match=r"faulty://b/x/masks/1\.png would be replaced, but no run of vos has put it"):
        make(ResultsPlace.of("faulty://b/x"), request="other")
    assert store.cat_file("/b/x/masks/1.png") == b"mine"


def test_a_list_of_results_grows_in_the_store(store: FaultyStore) -> None:
    place = ResultsPlace.of("faulty://b/x")
    for line in (b"1\n", b"2\n"):
        fetch_record(place, "results.jsonl")
        with (place.path / "results.jsonl").open("ab") as file:
            file.write(line)
        put_record(place, "results.jsonl")
    assert store.cat_file("/b/x/results.jsonl") == b"1\n2\n"


def test_a_web_server_takes_no_results() -> None:
    with pytest.raises(VosError, match="results cannot go to a web server"):
        ResultsPlace.of("https://h/x")
