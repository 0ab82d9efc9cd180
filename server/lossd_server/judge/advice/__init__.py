"""Advice on which loss fits a task: questions, what samples show, rules as tables, and the ranking; knows no wire."""
