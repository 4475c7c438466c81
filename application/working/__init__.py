"""Working: workers share the sessions out among themselves, and run them."""
