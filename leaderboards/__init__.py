"""Tables that this project made of its own and of published results, and what makes them."""
