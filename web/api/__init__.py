"""The endpoints under `/api`: each reads a model, asks its port, answers with a model."""
