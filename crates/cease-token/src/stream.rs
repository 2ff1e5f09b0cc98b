//! A stream that ends with a stop.

use std::pin::Pin;
use std::task::{Context, Poll};

use cease_core::{Checkpoint, NeverStops, StopToken, Stopped, StoppedFuture};
use futures_core::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;

/// What every stream can do with a stop.
pub trait StopStreamExt: Stream + Sized {
    /// Ends the stream when a stop is asked for at `token`.
    ///
    /// The stop is looked at first, in each poll, by one load: on a token that is stopped the stream is not polled at all,
    /// and one that always has an item cannot starve the stop.
    /// No item is lost: one that the stream has given is handed on, also when the stop comes just then, and is followed by
    /// the end.
    /// [`StreamUntilStopped::stopped`] tells afterwards which end it was.
    ///
    /// The stream stays where it is until the whole is dropped. Who wants to go on with what was not taken lends it:
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
    /// It allocates nothing, and can be dropped at any time: an item that was not asked for stays where it was.
    /// Once it has ended it has ended for good, for whichever reason, and polls the stream no more.
    /// When nobody can ask for a stop any more, it goes on to the stream's end.
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct StreamUntilStopped<S> {
        #[pin]
        stream: S,
        token: StopToken,
        // `None` when there is nothing to wait for any more.
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
    /// The stop that has ended the stream; `None` while it has not ended, or when it came to its own end.
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

/// The stop, if it has come since; else the task is woken when it does, if it can.
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
