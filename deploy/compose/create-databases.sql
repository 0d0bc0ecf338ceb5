-- Run once, when the volume is new: the database of Dagster's history, beside ours.
CREATE DATABASE dagster;
