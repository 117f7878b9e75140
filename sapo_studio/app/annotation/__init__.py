"""What several people do with one queue: how far they agree, and how their work travels between machines."""
