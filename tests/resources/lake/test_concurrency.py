"""A hundred readers while versions come and go: each sees one consistent version."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

READERS = 100
GENERATIONS = 5


def publish_generation(world, generation: int) -> None:
    world.publish(
        {
            world.scores: world.score_rows(*[generation / 1000] * 50),
            world.totals: world.total_rows(generation=generation),
        }
    )


def test_readers_see_tables_of_one_publish(world) -> None:
    publish_generation(world, 1)
    start, is_over = Barrier(READERS + 1), Event()

    def read_until_over() -> list[tuple[set[int], int]]:
        seen = []
        start.wait()
        while not (seen and is_over.is_set()):
            view = world.lake.pinned()
            scores = view.scan(world.scores, world.night).collect()
            total = view.scan(world.totals, world.night).collect()["value_count"].item()
            assert scores.height == 50
            seen.append(({round(value * 1000) for value in scores["value"]}, total))
            # Leaves the two cores of a small machine to the writer now and then.
            is_over.wait(0.2)
        return seen

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read_until_over) for _ in range(READERS)]
        start.wait()
        for generation in range(2, GENERATIONS + 1):
            publish_generation(world, generation)
        is_over.set()
        sightings = [sighting for reader in readers for sighting in reader.result()]
    assert all(generations == {total} for generations, total in sightings)
    assert len({total for _, total in sightings}) > 1
    assert len(sightings) >= READERS
