"""Archive: old partitions of the log in compressed files, read as if they had never moved."""
