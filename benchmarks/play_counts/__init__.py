"""Play counts from sound: the listening log, and what a net makes of it."""
