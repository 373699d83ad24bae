// ibkr_ticker: the quotes of Interactive Brokers as strategies want them; see quote_worker.hpp.
#include "quote_worker.hpp"
#include "virtufin/worker/native_export.hpp"

namespace ibkr_ticker {

class IbkrTicker final : public quote_worker::QuoteWorker {
 public:
  IbkrTicker() : QuoteWorker("urn:com.virtufin.worker.ibkrticker", "ibkr") {}
};

}  // namespace ibkr_ticker

VIRTUFIN_EXPORT_WORKER(ibkr_ticker::IbkrTicker)
