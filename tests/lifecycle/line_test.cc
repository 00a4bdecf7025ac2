// Line: what it says of its queue and of the instances under way.
#include "server/lifecycle/line.h"

#include <algorithm>
#include <random>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

using InstancePtr = std::shared_ptr<Instance>;
using TicketPtr = std::shared_ptr<Ticket>;

class Plain : public Object {
 public:
  coro::Task<absl::StatusOr<Payload>> Use(UseContext&, absl::string_view method,
                                          PayloadView) override {
    co_return MethodNotFound(method);
  }
};

class LineTest : public LifecycleTest {
 protected:
  LineTest() { Serve(kNoHooks); }

  // Under construction.
  InstancePtr Begin(Line& line, bool warm = false) {
    const std::uint64_t number = ++last_instance_;
    auto instance = std::make_shared<Instance>(pool(), /*key=*/"", number);
    instance->warm = warm;
    line.Add(instance);
    return instance;
  }
  static void Construct(Line& line, Instance& instance,
                        Hooks hooks = kInitOnly) {
    instance.object = std::make_unique<Plain>();
    instance.hooks = hooks;
    instance.Constructed();
    line.Note(instance);
  }
  static void MarkReady(Line& line, Instance& instance) {
    instance.Transition(InstanceState::kReady);
    line.Note(instance);
  }
  TicketPtr Push(Line& line, bool deferred = false, int priority = 0) {
    AcquireOptions options;
    options.deferred = deferred;
    options.priority = priority;
    const auto ticket = MakeTicket(std::move(options));
    line.queue().Push(ticket);
    return ticket;
  }
  void Bind(Line& line, Ticket& ticket, Instance& instance) {
    line.queue().Remove(ticket);
    bound_.push_back(ticket.lease);
    instance.bound.Add(*ticket.lease);
    line.Note(instance);
  }

 private:
  std::uint64_t last_instance_ = 0;
  std::vector<LeasePtr> bound_;  // those that are, and that were
};

TEST_F(LineTest, InstancesUnderWayServeWaitersInTheOrderOfTheirBegin) {
  Line line("", /*slots=*/2);
  const InstancePtr first = Begin(line);
  const InstancePtr second = Begin(line);
  const TicketPtr a = Push(line);
  const TicketPtr b = Push(line);
  const TicketPtr c = Push(line);
  using ::testing::ElementsAre;
  EXPECT_THAT(line.WaitersOf(*first), ElementsAre(a->lease, b->lease));
  EXPECT_THAT(line.WaitersOf(*second), ElementsAre(c->lease));
  EXPECT_EQ(line.unserved(), 0u);
  Push(line);
  const TicketPtr e = Push(line);
  EXPECT_EQ(line.unserved(), 1u);
  EXPECT_EQ(line.FirstUnserved(), e);
}

TEST_F(LineTest, ADeferredWaiterIsBoundToTheConstructedInstanceThatServesIt) {
  Line line("", /*slots=*/1);
  const InstancePtr first = Begin(line);
  const InstancePtr second = Begin(line);
  Push(line);
  const TicketPtr deferred = Push(line, /*deferred=*/true);
  Construct(line, *first);
  EXPECT_EQ(line.FindDeferred().first, nullptr) << "another's slot";
  Construct(line, *second);
  EXPECT_EQ(line.FindDeferred(), std::make_pair(deferred, second.get()));
}

TEST_F(LineTest, ADeferredWaiterIsNotBoundToAnInstanceUnderConstruction) {
  Line line("", /*slots=*/1);
  const InstancePtr first = Begin(line);
  const InstancePtr second = Begin(line);
  Push(line, /*deferred=*/true);
  Construct(line, *second);
  EXPECT_EQ(line.FindDeferred().first, nullptr);
}

TEST_F(LineTest, TheLastBegunInstancesAreTheOnesThatNoWaiterNeeds) {
  Line line("", /*slots=*/1);
  Begin(line);
  const InstancePtr second = Begin(line);
  const InstancePtr third = Begin(line);
  Push(line);
  EXPECT_EQ(line.spares(), 2u);
  for (const InstancePtr& unneeded : {third, second}) {
    EXPECT_EQ(line.LastUnneeded(), unneeded.get());
    unneeded->retired = true;
    line.Note(*unneeded);
  }
  EXPECT_EQ(line.LastUnneeded(), nullptr);
  EXPECT_EQ(line.spares(), 0u);
}

TEST_F(LineTest, AWarmInstanceIsUnneededButNotCold) {
  Line line("", /*slots=*/1);
  const InstancePtr cold = Begin(line);
  const InstancePtr warm = Begin(line, /*warm=*/true);
  EXPECT_EQ(line.LastUnneeded(), warm.get());
  EXPECT_EQ(line.LastUnneededCold(), cold.get());
}

TEST_F(LineTest, WhatIsInACheckOrBoundIsNotUnneeded) {
  Line line("", /*slots=*/2);
  const InstancePtr checked = Begin(line);
  Construct(line, *checked);
  MarkReady(line, *checked);
  checked->checking = true;
  line.Note(*checked);
  const InstancePtr bound = Begin(line);
  Construct(line, *bound);
  Bind(line, *Push(line, /*deferred=*/true), *bound);
  EXPECT_TRUE(line.IsUnderWay(*checked));
  EXPECT_TRUE(line.IsUnderWay(*bound));
  EXPECT_EQ(line.LastUnneeded(), nullptr);
  EXPECT_EQ(line.spares(), 1u) << "the one in a check";
}

// What the line says, told by going through all of them.
class Counted {
 public:
  Counted(const Line& line, std::size_t slots) : line_(line), slots_(slots) {
    for (const auto& [number, instance] : line.instances()) {
      if (line.IsUnderWay(*instance)) under_way_.push_back(instance);
    }
    for (std::size_t i = 0; i < line.queue().size(); ++i) {
      tickets_.push_back(line.queue().At(i));
    }
  }

  void ExpectAgrees() const {
    const std::size_t slots = Slots(under_way_.size());
    EXPECT_EQ(line_.unserved(),
              tickets_.size() - std::min(tickets_.size(), slots));
    EXPECT_EQ(line_.spares(), spares());
    EXPECT_EQ(line_.LastUnneeded(), LastUnneeded(/*cold=*/false));
    EXPECT_EQ(line_.LastUnneededCold(), LastUnneeded(/*cold=*/true));
    EXPECT_EQ(line_.FindDeferred(), FindDeferred());
    for (std::size_t i = 0; i < under_way_.size(); ++i) {
      EXPECT_EQ(line_.WaitersOf(*under_way_[i]), WaitersOf(i));
    }
  }

 private:
  std::size_t Left(const Instance& instance) const {
    return slots_ - instance.bound.size();
  }
  // Of the first so many under way.
  std::size_t Slots(std::size_t count) const {
    std::size_t slots = 0;
    for (std::size_t i = 0; i < count; ++i) slots += Left(*under_way_[i]);
    return slots;
  }
  bool Needed(std::size_t index) const {
    return Slots(index) < tickets_.size();
  }
  std::size_t spares() const {
    std::size_t spares = 0;
    for (const auto& [number, instance] : line_.instances()) {
      if (instance->retired || !instance->bound.empty()) continue;
      spares +=
          instance->ready() || instance->warm || line_.IsUnderWay(*instance);
    }
    for (std::size_t i = 0; i < under_way_.size(); ++i) {
      spares -= Needed(i) && under_way_[i]->bound.empty();
    }
    return spares;
  }
  Instance* LastUnneeded(bool cold) const {
    for (std::size_t i = under_way_.size(); i > 0; --i) {
      const InstancePtr& instance = under_way_[i - 1];
      if (!Needed(i - 1) && instance->bound.empty() && !instance->checking &&
          !(cold && instance->warm)) {
        return instance.get();
      }
    }
    return nullptr;
  }
  std::vector<LeasePtr> WaitersOf(std::size_t index) const {
    std::vector<LeasePtr> waiters;
    const std::size_t end = std::min(Slots(index + 1), tickets_.size());
    for (std::size_t i = Slots(index); i < end; ++i) {
      waiters.push_back(tickets_[i]->lease);
    }
    return waiters;
  }
  std::pair<TicketPtr, Instance*> FindDeferred() const {
    for (std::size_t i = 0; i < under_way_.size(); ++i) {
      const InstancePtr& instance = under_way_[i];
      if (!instance->constructed() || instance->checking) continue;
      const std::size_t end = std::min(Slots(i + 1), tickets_.size());
      for (std::size_t slot = Slots(i); slot < end; ++slot) {
        if (tickets_[slot]->lease->deferred())
          return {tickets_[slot], instance.get()};
      }
    }
    return {};
  }

  const Line& line_;
  const std::size_t slots_;
  std::vector<InstancePtr> under_way_;
  std::vector<TicketPtr> tickets_;
};

class LineOfSlots : public LineTest,
                    public ::testing::WithParamInterface<std::size_t> {};

TEST_P(LineOfSlots, WhateverHappensItSaysWhatGoingThroughAllWouldSay) {
  Line line("", GetParam());
  std::vector<TicketPtr> tickets;
  std::mt19937_64 random(1);
  const auto one_in = [&random](std::uint64_t n) { return random() % n == 0; };
  for (int step = 0; step < 3'000 && !HasFailure(); ++step) {
    if (one_in(3)) tickets.push_back(Push(line, one_in(2), one_in(4) ? 1 : 0));
    if (one_in(4) && !tickets.empty()) {
      const std::size_t index = random() % tickets.size();
      line.queue().Remove(*tickets[index]);
      tickets.erase(tickets.begin() + static_cast<std::ptrdiff_t>(index));
    }
    if (line.instances().size() < 12 && one_in(2)) Begin(line, one_in(3));
    if (!line.instances().empty()) {
      const InstancePtr instance =
          std::next(
              line.instances().begin(),
              static_cast<std::ptrdiff_t>(random() % line.instances().size()))
              ->second;
      if (!instance->constructed()) {
        Construct(line, *instance, one_in(3) ? kAllHooks : kInitOnly);
      } else if (one_in(8)) {
        instance->retired = true;
      } else if (!instance->ready() && !instance->retired) {
        if (one_in(4)) MarkReady(line, *instance);
      } else if (instance->retired) {
        line.Remove(*instance);
        continue;
      } else if (instance->bound.empty()) {
        instance->checking = !instance->checking;
      } else {
        instance->bound.Remove(*instance->bound.begin());
      }
      line.Note(*instance);
    }
    if (const auto [ticket, instance] = line.FindDeferred();
        ticket != nullptr && one_in(3)) {
      Bind(line, *ticket, *instance);
    }
    if (Instance* const room = line.FindRoom();
        room != nullptr && !line.queue().empty() && one_in(3)) {
      Bind(line, *line.queue().front(), *room);
    }
    Counted(line, GetParam()).ExpectAgrees();
  }
}

INSTANTIATE_TEST_SUITE_P(Slots, LineOfSlots,
                         ::testing::Values(1, 3, Line::kManySlots));

}  // namespace
}  // namespace anteroom::lifecycle
