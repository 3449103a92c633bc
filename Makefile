# Each target is a word for packaging/bootstrap.py, which prepares what a fresh computer lacks.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) packaging/bootstrap.py

.PHONY: targets run test check format bench

targets:
	@echo 'make run      start the window; without a display, process the samples in the terminal'
	@echo 'make test     run all tests'
	@echo 'make check    linters, types and import rules, changing nothing'
	@echo 'make format   format the code and mend what the linter can'
	@echo 'make bench    run the benchmarks one after another'

run test check format bench:
	@$(BOOTSTRAP) $@ $(ARGS)
