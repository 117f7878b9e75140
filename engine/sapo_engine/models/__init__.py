"""Networks: where they come from, how they are loaded and adapted, in which precision, and which lie on the device."""
