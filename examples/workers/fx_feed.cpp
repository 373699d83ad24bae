// fx_feed: the quotes of OANDA as strategies want them; see quote_worker.hpp.
#include "quote_worker.hpp"
#include "virtufin/worker/native_export.hpp"

namespace fx_feed {

class FxFeed final : public quote_worker::QuoteWorker {
 public:
  FxFeed() : QuoteWorker("urn:com.virtufin.worker.fxfeed", "oanda") {}
};

}  // namespace fx_feed

VIRTUFIN_EXPORT_WORKER(fx_feed::FxFeed)
