"""A leaderboard as a static site that opens from disk: pages, drawings, folder."""
