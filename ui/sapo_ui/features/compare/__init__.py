"""The Compare page: picked runs beside each other."""
