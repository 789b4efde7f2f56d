"""Files: where they are, reading TOML, writing all or nothing, locks, facts about them."""
