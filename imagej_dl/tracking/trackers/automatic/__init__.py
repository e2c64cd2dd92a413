"""The steps of the tracker AUTO: objects, common shifts, candidates, events, margins."""
