"""What the data is: tables, code systems, statuses, source files. Pure; imports nothing of ours."""
