"""Tasks that users bring: their rows as mteb tasks."""
