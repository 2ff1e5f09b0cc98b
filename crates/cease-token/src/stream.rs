//! A stream that ends with a stop.

use std::pin::Pin;
use std::task::{Context, Poll};

use cease_core::{Checkpoint, NeverStops, StopToken, Stopped, StoppedFuture};
use futures_core::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;

/// Adds a stop to each stream.
pub trait StopStreamExt: Stream + Sized {
    /// Ends the stream when a stop is requested at `token`.
    ///
    /// Each poll looks at the stop first, by one load: once the token is stopped, the inner stream is not polled, so a
    /// stream that is always ready cannot delay the stop.
    /// No item is lost: an item that the inner stream returns is returned, also when the stop comes during that poll, and
    /// the next poll returns the end.
    /// [`StreamUntilStopped::stopped`] says afterwards whether the stop or the inner stream ended it.
    ///
    /// The returned stream owns the inner one. To use the inner stream afterwards, pass a reference:
    /// `(&mut stream).until_stopped(&token)`.
    ///
    /// ```
    /// use cease_core::StopSource;
    /// use cease_token::StopStreamExt;
    /// use futures_util::{StreamExt, stream};
    /// use std::pin::pin;
    ///
    /// # futures_executor::block_on(async {
    /// let source = StopSource::new();
    /// let mut numbers = pin!(stream::iter(1..).until_stopped(&source.token()));
    /// let mut sum = 0;
    /// while let Some(number) = numbers.next().await {
    ///     sum += number;
    ///     if number == 3 {
    ///         source.request_with("enough");
    ///     }
    /// }
    /// assert_eq!(sum, 6);
    /// assert_eq!(numbers.stopped().unwrap().reason().to_string(), "requested: enough");
    /// # });
    /// ```
    #[doc(alias = "take_until")]
    #[doc(alias = "timeout_at")]
    fn until_stopped(self, token: &StopToken) -> StreamUntilStopped<Self> {
        let until = Some(token.clone().stopped_owned());
        StreamUntilStopped { stream: self, token: token.clone(), until, end: None }
    }
}

impl<S: Stream> StopStreamExt for S {}

pin_project! {
    /// A stream until its end or until a stop, whichever comes first; made by [`StopStreamExt::until_stopped`].
    ///
    /// It allocates nothing, and takes no item that it does not return, so dropping it loses none.
    /// After its end it returns `None` from each poll, and does not poll the inner stream.
    /// When the last source is dropped without a request, it goes on to the end of the inner stream.
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct StreamUntilStopped<S> {
        #[pin]
        stream: S,
        token: StopToken,
        // `None` after the end, and when no stop can come.
        #[pin]
        until: Option<StoppedFuture<'static>>,
        end: Option<End>,
    }
}

#[derive(Debug)]
enum End {
    Finished,
    Stopped(Stopped),
}

impl<S> StreamUntilStopped<S> {
    /// The stop that ended the stream; `None` before the end, and when the inner stream ended it.
    ///
    /// ```
    /// use cease_core::{StopSource, Stopped};
    /// use cease_token::StopStreamExt;
    /// use futures_util::{StreamExt, stream};
    /// use std::pin::pin;
    ///
    /// async fn sum(numbers: &[u64], source: &StopSource) -> Result<u64, Stopped> {
    ///     let mut numbers = pin!(stream::iter(numbers).until_stopped(&source.token()));
    ///     let mut sum = 0;
    ///     while let Some(number) = numbers.next().await {
    ///         sum += number;
    ///     }
    ///     numbers.stopped().map_or(Ok(sum), |stopped| Err(stopped.clone()))
    /// }
    ///
    /// # futures_executor::block_on(async {
    /// let source = StopSource::new();
    /// assert_eq!(sum(&[1, 2, 3], &source).await.unwrap(), 6);
    /// source.request();
    /// assert!(sum(&[1, 2, 3], &source).await.is_err());
    /// # });
    /// ```
    #[must_use]
    pub const fn stopped(&self) -> Option<&Stopped> {
        match &self.end {
            Some(End::Stopped(stopped)) => Some(stopped),
            Some(End::Finished) | None => None,
        }
    }
}

impl<S: Stream> Stream for StreamUntilStopped<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        if this.end.is_some() {
            return Poll::Ready(None);
        }
        let end = match this.token.check() {
            Err(stopped) => Some(End::Stopped(stopped)),
            Ok(()) => match this.stream.poll_next(context) {
                Poll::Ready(Some(item)) => return Poll::Ready(Some(item)),
                Poll::Ready(None) => Some(End::Finished),
                Poll::Pending => None,
            },
        };
        let Some(end) = end.or_else(|| stop_or_wait(this.until.as_mut(), context)) else { return Poll::Pending };
        *this.end = Some(end);
        this.until.set(None);
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.end.is_some() { (0, Some(0)) } else { (0, self.stream.size_hint().1) }
    }
}

impl<S: Stream> FusedStream for StreamUntilStopped<S> {
    fn is_terminated(&self) -> bool {
        self.end.is_some()
    }
}

/// The stop, if it was requested since the look at the token; otherwise registers the waker of the task for it.
fn stop_or_wait(mut until: Pin<&mut Option<StoppedFuture<'static>>>, context: &mut Context<'_>) -> Option<End> {
    match until.as_mut().as_pin_mut()?.poll(context) {
        Poll::Ready(Ok(stopped)) => Some(End::Stopped(stopped)),
        Poll::Ready(Err(NeverStops)) => {
            until.set(None);
            None
        }
        Poll::Pending => None,
    }
}
