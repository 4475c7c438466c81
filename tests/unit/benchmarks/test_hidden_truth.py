"""The workload of the coordination benchmark follows from its seed."""

from __future__ import annotations

from benchmarks.hidden_truth import OPTIONS, World, lie, truth


def test_a_seed_gives_the_same_world_and_another_one_another() -> None:
    one, same, other = World(1), World(1), World(2)

    assert one.talents == same.talents != other.talents
    assert one.jobs(3, 5) == same.jobs(3, 5) != one.jobs(4, 5)
    assert all(
        one.works(handle, "job", ()) == same.works(handle, "job", ()) for handle in one.talents
    )


def test_agents_succeed_about_as_often_as_they_are_able() -> None:
    world = World(1)
    handle, own = max(world.talents.items(), key=lambda item: item[1].ability)

    done = sum(world.works(handle, f"job_{number}", own.skills[:1]) for number in range(400))

    assert abs(done / 400 - own.ability) < 0.1


def test_liars_agree_on_something_wrong() -> None:
    world = World(1)
    world.liars = frozenset({"WRK_001", "WRK_002"})
    question = "Where is it?"

    assert world.vote("WRK_001", question) == world.vote("WRK_002", question) == lie(question)
    assert lie(question) in OPTIONS
    assert lie(question) != truth(question)
