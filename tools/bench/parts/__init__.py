"""The parts of the benchmark, each a module with `measure(world)`; what it found is in world.table(its name)."""
