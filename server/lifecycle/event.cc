#include "server/lifecycle/event.h"

namespace anteroom::lifecycle {

const EventDetails& Event::more() const {
  static const EventDetails& nothing = *new EventDetails;  // never destroyed
  return details == nullptr ? nothing : *details;
}

std::shared_ptr<const EventDetails> DetailsOf(const absl::Status& status) {
  if (status.ok()) return nullptr;
  return std::make_shared<EventDetails>(EventDetails{.status = status});
}

}  // namespace anteroom::lifecycle
